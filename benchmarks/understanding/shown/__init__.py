"""What is shown: a vague sentence beside a screen, 64 intents.

Ten things (an order, a parcel, …) with four wishes each (stop it, change it, where is it, why so
much) and twenty-four errors. The sentence tells the wish and never the thing; beside an error it
tells nothing at all ("it doesn't work, see picture"). So neither the words nor the screen suffice.
The halves `train` and `test` have layouts, wordings of the screens and sentences of their own,
written separately, neither with sight of the other.
"""
