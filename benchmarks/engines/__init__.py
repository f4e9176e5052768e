"""How fast engines are, beside the libraries that they are made of. Each file is a part, with a
`measure(folder)` that gives its figures."""
