"""Examples made of templates: texts filled, screens rendered, sentences spoken and sent by phone.

`template` fills slots, `screens` renders, `speech` speaks, with `noise` and what `transmission`
does to a voice. What is done with it is in `bot.intents.synthesizing`.
"""
