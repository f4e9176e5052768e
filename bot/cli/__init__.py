"""The command `frontdesk`. Each word of it is a file here; `app.py` puts them together."""


def main() -> None:
    """The entry point."""
    from bot.cli.app import run

    run()
