"""Who wants to show something, in the five languages."""

import pytest

from bot.picture_links.asking import wants_to_show


@pytest.mark.parametrize(
    "text",
    [
        "Can I show you?",
        "could I show you the error",
        "Shall I send you a photo of it?",
        "I'd like to send a screenshot",
        "how can I send you a picture?",
        "let me show you what it says",
        "it's easier to show you",
        "please send me the link",
        "text me a link",
        "Darf ich es Ihnen zeigen?",
        "Kann ich Ihnen ein Foto schicken?",
        "Ich möchte es Ihnen zeigen",
        "Schicken Sie mir den Link",
        "¿Puedo enseñarle la pantalla?",
        "quisiera mandarle una foto",
        "envíeme el enlace",
        "我可以给您看吗",
        "我能发一张照片吗",
        "请发链接",
        "هل يمكنني أن أريك",
        "أرسل لك صورة",
        "أرسل لي رابطا",
    ],
)
def test_who_wants_to_show_something_is_understood(text: str) -> None:
    assert wants_to_show(text)


@pytest.mark.parametrize(
    "text",
    [
        "Can you send me a picture of the router?",
        "Can you show me where it is?",
        "how do I send it back",
        "the screen shows an error",
        "I sent you the money",
        "Können Sie mir das Paket schicken?",
        "Ich will es zurückschicken",
        "¿Puede enviarme la factura?",
        "我想退货",
        "أريد استرداد المال",
        "x" * 400 + " can I show you?",
    ],
)
def test_what_else_is_said_is_not(text: str) -> None:
    assert not wants_to_show(text)
