"""Calls as they are configured, and what is around them; `opening` opens the rest of the desk."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from bot.call_backs.arranging import Arranging
from bot.call_backs.arranging import Limits as CallBackLimits
from bot.call_backs.book import Book
from bot.call_backs.calling import Calling, Manners
from bot.call_settings import INSTALLED
from bot.calls.manner import Manner
from bot.calls.recordings import Recordings
from bot.calls.summaries import Summaries
from bot.calls.switchboard import CallLimits, Switchboard
from bot.calls.transport import Sound
from bot.calls.turn_taking import Timing
from bot.config import Config
from bot.desk import FrontDesk
from bot.dialling import Dialling
from bot.office_hours import OfficeHours
from bot.picture_links.sending import PictureLinks
from bot.speech import Speaker
from bot.store import Store
from bot.texts import FALLBACK
from models.smart_turn import SmartTurn
from models.transcriber import Transcriber


def calls_of(
    config: Config,
    desk: FrontDesk,
    hearing: Callable[[], Transcriber],
    complete: Callable[[Sound], float] | None,
    speaker: Speaker,
    summaries: Summaries,
    pictures: PictureLinks | None,
) -> tuple[Switchboard, Calling | None]:
    """All calls, and who makes those that were arranged. `complete`: see `turn_judge_of`."""
    calls, manner = config.calls, manner_of(config)
    call_backs = _calling(config, desk, manner, lambda: switchboard.room)
    switchboard = Switchboard(
        desk,
        transcriber=hearing,
        complete=complete,
        speaker=speaker,
        manner=manner,
        limits=CallLimits(at_once=calls.at_once),
        recordings=recordings_of(config) if calls.record else None,
        summaries=summaries,
        watches=[watch for watch in (call_backs, pictures) if watch],
    )
    return switchboard, call_backs


def turn_judge_of(config: Config) -> Callable[[Sound], float] | None:
    """What hears whether a caller has finished, where one is chosen. Raises `EngineMissing`."""
    chosen = config.calls.smart_turn
    if not chosen:
        return None
    return SmartTurn(None if chosen == INSTALLED else Path(chosen)).complete


def manner_of(config: Config) -> Manner:
    """How calls are held."""
    calls = config.calls
    greeting = calls.greeting.get(config.language) or calls.greeting.get(FALLBACK, "")
    hours = OfficeHours(calls.office_hours)
    return Manner(
        business=config.name,
        language=config.language,
        greeting=greeting,
        transfer_to=calls.transfer_to,
        office_open=lambda: hours.open_at(datetime.now(zone_of(config))),
        longest_s=calls.longest_minutes * 60,
        patience=calls.patience,
        timing=Timing(idle_s=calls.idle_seconds),
    )


def book_of(config: Config, store: Store) -> Book:
    """The call-backs that are arranged."""
    return Book(store, config.history.keep_days * 24 * 3600)


def arranging_of(config: Config, store: Store) -> Arranging | None:
    """None where nobody is called back."""
    calls, section = config.calls, config.calls.call_back
    if section is None:
        return None
    return Arranging(
        store,
        book_of(config, store),
        dialling=Dialling(calls.prefixes),
        hours=OfficeHours(calls.office_hours),
        zone=zone_of(config),
        limits=CallBackLimits(
            per_day=section.most_per_day,
            per_hour=section.most_per_hour,
            days_ahead=section.days_ahead,
            any_number=section.other_numbers,
        ),
        person_there=manner_of(config).person_there,
    )


def _calling(
    config: Config, desk: FrontDesk, manner: Manner, room: Callable[[], bool]
) -> Calling | None:
    calls, section = config.calls, config.calls.call_back
    if section is None:
        return None
    return Calling(
        book_of(config, desk.store),
        Manners(
            line=section.line,
            business=config.name,
            hours=OfficeHours(calls.office_hours),
            zone=zone_of(config),
            attempts=section.attempts,
            again_s=section.again_minutes * 60,
            longest_s=calls.longest_minutes * 60,
        ),
        allowed=Dialling(calls.prefixes).allows,
        person_there=manner.person_there,
        room=room,
        tell=desk.tell,
    )


def zone_of(config: Config) -> ZoneInfo | None:
    """Of the office hours and of call-backs; None: this machine's."""
    return ZoneInfo(config.calls.timezone) if config.calls.timezone else None


def recordings_of(config: Config) -> Recordings:
    return Recordings(config.recordings_folder, config.calls.keep_recordings_days)


def picture_links_of(config: Config, store: Store) -> PictureLinks | None:
    """None where callers are sent no links."""
    calls, section = config.calls, config.calls.picture_link
    if section is None:
        return None
    return PictureLinks(
        store,
        dialling=Dialling(calls.prefixes),
        business=config.name,
        minutes=section.minutes,
        per_hour=section.most_per_hour,
        upload_bytes=int(config.limits.upload_bytes),
    )
