"""A small shop to train on: six intents, ten ways to say each, and what belongs to none."""

from pathlib import Path

from models.minilm import published_folder
from models.text_encoder import TextEncoder
from models.understanding.observation import OUT_OF_SCOPE, Example, Labels, Line, Observation
from models.understanding.settings import Settings
from models.understanding.setup import Setup

SAYINGS = {
    "order_status": [
        "where is my order",
        "when will my parcel arrive",
        "has my order been sent yet",
        "my package is late, where is it",
        "track my delivery please",
        "is my order on its way",
        "I want to know where the parcel is",
        "the delivery has not come",
        "what is the status of order 4411",
        "did you ship my things",
    ],
    "refund": [
        "I want my money back",
        "please refund me",
        "when do I get the refund",
        "give me my money back for the lamp",
        "how long does a refund take",
        "refund the payment to my card",
        "I have not received my refund",
        "can I be reimbursed",
        "you still owe me the money",
        "return the amount to my account",
    ],
    "login": [
        "I cannot log in",
        "my password does not work",
        "reset my password",
        "the login fails",
        "locked out of my account",
        "I forgot my password",
        "signing in gives an error",
        "it says wrong password",
        "how do I get into my account",
        "no access to my account any more",
    ],
    "invoice": [
        "send me the invoice",
        "I need a receipt for my taxes",
        "where can I download the bill",
        "the invoice has the wrong address",
        "I need the VAT number on the invoice",
        "please email me my receipt",
        "there is no invoice in the parcel",
        "can I have a bill for order 77",
        "invoice missing",
        "put my company on the receipt",
    ],
    "cancel": [
        "cancel my order",
        "I do not want it any more, cancel",
        "please stop the order",
        "can I still cancel",
        "call off the order from today",
        "withdraw my purchase",
        "I ordered by mistake, cancel it",
        "abort order 12",
        "I changed my mind, cancel please",
        "do not send it, cancel",
    ],
    "warranty": [
        "the device is broken after a month",
        "is this covered by the warranty",
        "my headphones stopped working",
        "it is defective, what now",
        "how long is the guarantee",
        "the screen has cracked by itself",
        "repair under warranty",
        "it broke, can you fix it",
        "the battery is dead after two weeks",
        "claim the guarantee for my kettle",
    ],
}

FOREIGN = [
    "what is the capital of Peru",
    "tell me a joke",
    "who won the match yesterday",
    "write a poem about cats",
    "how tall is Mount Everest",
    "sing me a song",
    "what is the weather tomorrow",
    "translate good morning into Thai",
]


def said() -> list[Example]:
    """Typed examples of each intent."""
    return [
        Example(Observation(text=text), Labels(intents=(name,)), f"{name}.yaml:{line}")
        for name, texts in SAYINGS.items()
        for line, text in enumerate(texts, start=2)
    ]


def foreign() -> list[Example]:
    return [
        Example(Observation(text=text), Labels(intents=(OUT_OF_SCOPE,)), f"out.yaml:{line}")
        for line, text in enumerate(FOREIGN, start=2)
    ]


def shown() -> list[Example]:
    """The same vague words beside different screens: the screen alone tells the intent."""
    screens = {
        "refund": ("Refund", "Your refund of 20.00 is on its way"),
        "login": ("Sign in", "Wrong e-mail or password"),
        "order_status": ("Your parcel", "Out for delivery today"),
    }
    vague = ["what does this mean", "see picture", "look at this please", "why does it say that"]
    return [
        Example(
            Observation(
                text=text,
                lines=(Line(title, 0.1, 0.1, 0.6, 0.2), Line(words, 0.1, 0.4, 0.9, 0.5)),
                image=tuple([0.1 * number] * 8),
            ),
            Labels(intents=(name,)),
            f"{name}.yaml:{20 + number}",
        )
        for name, (title, words) in screens.items()
        for number, text in enumerate(vague * 2)
    ]


def manner() -> list[Example]:
    """How it is said, whatever is wanted."""
    rows = [
        ("thank you, no hurry", 0.1, 0.8, False),
        ("whenever you have time", 0.0, 0.3, False),
        ("THIS IS URGENT, answer now", 0.95, -0.6, False),
        ("I need this today or I lose my job", 0.9, -0.5, False),
        ("let me talk to a person", 0.5, -0.2, True),
        ("I want a human agent please", 0.5, 0.0, True),
        ("put me through to somebody", 0.6, -0.3, True),
        ("great service, I love it", 0.1, 0.9, False),
        ("this is terrible, I hate you", 0.6, -0.9, False),
        ("is anyone real there? get me a human", 0.7, -0.6, True),
    ]
    return [
        Example(Observation(text=text), Labels((), urgency, sentiment, person), "manner")
        for text, urgency, sentiment, person in rows
    ]


def setup_of(
    encoder: TextEncoder,
    examples: list[Example],
    *,
    settings: Settings | None = None,
    source: Path | None = None,
    image_encoder: str = "drawn",
    image_dimensions: int = 8,
) -> Setup:
    names = {e.labels.intents[0] for e in examples if e.labels.intents} - {OUT_OF_SCOPE}
    return Setup(
        examples=tuple(examples),
        titles=dict.fromkeys(names, ()),
        general=tuple(manner()),
        text_encoder=encoder,
        text_source=source or published_folder(),
        image_encoder=image_encoder,
        image_dimensions=image_dimensions,
        settings=settings or Settings(epochs=12),
    )
