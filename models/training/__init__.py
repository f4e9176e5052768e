"""What made the weights in models/weights/. Nothing here is needed to run the desk."""
