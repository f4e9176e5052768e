"""Who is one customer: by a code, by a verified address, and by nothing else."""

import asyncio
from itertools import combinations

import pytest

from bot import keys, people
from bot.messages import ChannelName, ConversationId, CustomerId
from bot.people import Linked, Offer, People, Refused
from bot.store import Store

KEEP_S = 86_400
ANN, BEN, CARA, DAN, EVE = (CustomerId(f"cus_{n}") for n in ("ann", "ben", "cara", "dan", "eve"))


@pytest.fixture
def who(store: Store) -> People:
    return People(store, KEEP_S)


_turns = iter(range(1_000_000))


def turn() -> str:
    return f"con_x:{next(_turns)}"


async def offer(who: People, customer: CustomerId, at: str = "") -> str:
    conversation = ConversationId(f"con_{customer}")
    return await who.offer(
        at or turn(), Offer(customer, conversation, ChannelName("telegram"), "en")
    )


async def link(who: People, one: CustomerId, other: CustomerId) -> Linked | Refused:
    return await who.redeem(turn(), one, await offer(who, other))


async def all_of(who: People, *customers: CustomerId) -> list[set[CustomerId]]:
    return [set(await who.of(each)) for each in customers]


class TestCodes:
    async def test_a_code_links_whoever_sends_it_with_whoever_was_given_it(
        self, who: People
    ) -> None:
        outcome = await link(who, BEN, ANN)
        assert isinstance(outcome, Linked)
        assert outcome.new
        assert (outcome.offer.customer, outcome.offer.channel) == (ANN, "telegram")
        assert await who.of(ANN) == [ANN, BEN]
        assert await who.of(BEN) == [BEN, ANN]
        assert await who.of(EVE) == [EVE]

    async def test_a_code_is_good_once(self, who: People) -> None:
        code = await offer(who, ANN)
        assert isinstance(await who.redeem(turn(), BEN, code), Linked)
        assert await who.redeem(turn(), EVE, code) == Refused("wrong")
        assert await who.redeem(turn(), BEN, code) == Refused("wrong")
        assert await who.of(EVE) == [EVE]

    async def test_of_many_who_send_it_at_once_one_is_linked(self, who: People) -> None:
        code = await offer(who, ANN)
        crowd = [CustomerId(f"cus_{n}") for n in range(20)]
        outcomes = await asyncio.gather(*(who.redeem(turn(), each, code) for each in crowd))
        assert sum(isinstance(outcome, Linked) for outcome in outcomes) == 1
        assert len(await who.of(ANN)) == 2

    async def test_a_new_code_takes_the_place_of_the_one_before(self, who: People) -> None:
        first, second = await offer(who, ANN), await offer(who, ANN)
        assert await who.redeem(turn(), BEN, first) == Refused("wrong")
        assert isinstance(await who.redeem(turn(), BEN, second), Linked)

    async def test_a_code_is_good_for_ten_minutes(self, who: People, store: Store) -> None:
        code = await offer(who, ANN)
        assert 590 < await store.run("TTL", keys.link_code(code)) <= 600
        await store.run("PEXPIRE", keys.link_code(code), 1)
        while await store.run("EXISTS", keys.link_code(code)):
            pass
        assert await who.redeem(turn(), BEN, code) == Refused("wrong")

    async def test_nobody_is_linked_with_themselves(self, who: People) -> None:
        code = await offer(who, ANN)
        assert await who.redeem(turn(), ANN, code) == Refused("own")
        assert await who.of(ANN) == [ANN]
        assert isinstance(await who.redeem(turn(), BEN, code), Linked)

    async def test_codes_differ_and_can_be_read_out(self, who: People) -> None:
        codes = {await offer(who, CustomerId(f"cus_{n}")) for n in range(200)}
        assert len(codes) == 200
        assert not set("".join(codes)) & set("01OILAEU")

    async def test_a_turn_that_is_done_again_comes_to_the_same(self, who: People) -> None:
        asking, sending, wrong, leaving = turn(), turn(), turn(), turn()
        code = await offer(who, ANN, asking)
        assert await offer(who, ANN, asking) == code
        first, second = [await who.redeem(sending, BEN, code) for _ in range(2)]
        assert isinstance(first, Linked)
        assert isinstance(second, Linked)
        assert first.offer == second.offer
        for _ in range(people.WRONG_CODES + 1):
            assert await who.redeem(wrong, BEN, "2222-22") == Refused("wrong")
        assert [await who.unlink(leaving, BEN) for _ in range(2)] == [1, 1]


class TestGuessing:
    async def test_after_a_few_wrong_codes_a_right_one_is_refused_for_an_hour(
        self, who: People, store: Store
    ) -> None:
        code = await offer(who, ANN)
        for number in range(people.WRONG_CODES):
            assert await who.redeem(turn(), EVE, f"2222-2{number + 3}") == Refused("wrong")
        assert await who.redeem(turn(), EVE, code) == Refused("tired")
        assert 3590 < await store.run("TTL", keys.wrong_codes(EVE)) <= 3600
        assert isinstance(await who.redeem(turn(), BEN, code), Linked)

    async def test_right_codes_of_one_s_own_do_not_win_more_guesses(self, who: People) -> None:
        for number in range(people.WRONG_CODES):
            assert isinstance(await link(who, EVE, CustomerId(f"cus_e{number}")), Linked)
            assert await who.redeem(turn(), EVE, "2222-22") == Refused("wrong")
        assert await who.redeem(turn(), EVE, await offer(who, ANN)) == Refused("tired")

    async def test_guesses_are_limited_over_all_visitors(
        self, who: People, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(people, "WRONG_CODES_OF_ALL", 10)
        code = await offer(who, ANN)
        for number in range(10):
            visitor = CustomerId(f"cus_v{number}")
            assert await who.redeem(turn(), visitor, "2222-22") == Refused("wrong")
        assert await who.redeem(turn(), EVE, code) == Refused("tired")
        assert 3590 < await store.run("TTL", keys.wrong_codes(CustomerId(""))) <= 3600

    async def test_many_guesses_at_once_are_counted_each(self, who: People) -> None:
        outcomes = await asyncio.gather(*(who.redeem(turn(), EVE, "2222-22") for _ in range(50)))
        assert outcomes.count(Refused("wrong")) == people.WRONG_CODES


class TestLinks:
    async def test_three_apps_are_one_customer(self, who: People) -> None:
        await link(who, BEN, ANN)
        await link(who, CARA, ANN)
        assert await all_of(who, ANN, BEN, CARA) == [{ANN, BEN, CARA}] * 3

    async def test_a_chain_and_a_cycle_are_one_customer(self, who: People) -> None:
        for one, other in ((BEN, ANN), (CARA, BEN), (DAN, CARA), (ANN, DAN)):
            await link(who, one, other)
        assert await all_of(who, ANN, BEN, CARA, DAN) == [{ANN, BEN, CARA, DAN}] * 4

    async def test_two_who_are_several_become_one(self, who: People) -> None:
        await link(who, BEN, ANN)
        await link(who, DAN, CARA)
        await link(who, DAN, ANN)
        assert await all_of(who, ANN, BEN, CARA, DAN) == [{ANN, BEN, CARA, DAN}] * 4

    async def test_links_made_at_once_are_all_there(self, who: People) -> None:
        everyone = (ANN, BEN, CARA, DAN)
        await asyncio.gather(*(link(who, one, other) for one, other in combinations(everyone, 2)))
        assert await all_of(who, *everyone) == [set(everyone)] * 4

    async def test_to_link_again_changes_nothing(self, who: People) -> None:
        await link(who, BEN, ANN)
        outcome = await link(who, BEN, ANN)
        assert isinstance(outcome, Linked)
        assert not outcome.new

    async def test_there_is_a_limit_and_nothing_changes_beyond_it(
        self, who: People, store: Store
    ) -> None:
        for number in range(people.MOST_LINKED - 1):
            assert isinstance(await link(who, CustomerId(f"cus_{number}"), ANN), Linked)
        assert await link(who, EVE, ANN) == Refused("full")
        assert await link(who, ANN, EVE) == Refused("full")
        assert len(await who.of(ANN)) == people.MOST_LINKED
        assert await who.of(EVE) == [EVE]
        assert not await store.run("EXISTS", keys.linked(EVE))

    async def test_who_unlinks_is_alone_and_the_others_stay_one(
        self, who: People, store: Store
    ) -> None:
        await link(who, BEN, ANN)
        await link(who, CARA, ANN)
        assert await who.unlink(turn(), BEN) == 2
        assert await all_of(who, ANN, BEN, CARA) == [{ANN, CARA}, {BEN}, {ANN, CARA}]
        assert await who.unlink(turn(), CARA) == 1
        assert await who.unlink(turn(), CARA) == 0
        assert await who.of(ANN) == [ANN]
        assert not await store.run("KEYS", "fd:{people}:linked:*")

    async def test_who_unlinks_takes_back_their_code(self, who: People) -> None:
        code = await offer(who, ANN)
        await who.unlink(turn(), ANN)
        assert await who.redeem(turn(), EVE, code) == Refused("wrong")

    async def test_who_unlinked_can_link_again(self, who: People) -> None:
        await link(who, BEN, ANN)
        await who.unlink(turn(), BEN)
        assert isinstance(await link(who, BEN, ANN), Linked)
        assert await who.of(BEN) == [BEN, ANN]

    async def test_links_last_as_long_as_any_of_them_is_heard_of(
        self, who: People, store: Store
    ) -> None:
        await link(who, BEN, ANN)
        for each in (ANN, BEN):
            await store.run("EXPIRE", keys.linked(each), 100)
        await who.of(ANN)
        for each in (ANN, BEN):
            assert await store.run("TTL", keys.linked(each)) > KEEP_S - 10


class TestAddresses:
    async def test_the_same_verified_address_is_the_same_customer(self, who: People) -> None:
        await who.verified(ANN, "tel:+4712345678")
        await who.verified(BEN, "mailto:Ann@Example.com")
        assert await who.of(ANN) == [ANN]
        await who.verified(CARA, "tel:+47 12 34 56 78")
        await who.verified(DAN, "mailto:ann@example.com ")
        assert await all_of(who, ANN, CARA) == [{ANN, CARA}] * 2
        assert await all_of(who, BEN, DAN) == [{BEN, DAN}] * 2

    @pytest.mark.parametrize(
        "claim",
        ["", "12345678", "tel:12345678", "tel:+0123456", "tel:", "mailto:ann", "Ann Smith",
         "ann@example.com", "mailto:a b@example.com"],
    )  # fmt: skip
    async def test_what_is_no_address_links_nobody(self, who: People, claim: str) -> None:
        await who.verified(ANN, claim)
        await who.verified(BEN, claim)
        assert await who.of(ANN) == [ANN]

    async def test_addresses_are_in_no_key_and_no_value(self, who: People, store: Store) -> None:
        await who.verified(ANN, "tel:+4712345678")
        [key] = await store.run("KEYS", "*verified*")
        assert b"12345678" not in key
        assert await store.run("ZRANGE", key, 0, -1) == [ANN.encode()]

    async def test_who_unlinked_is_not_linked_again_by_an_address(self, who: People) -> None:
        await who.verified(ANN, "tel:+4712345678")
        await who.verified(BEN, "tel:+4712345678")
        await who.unlink(turn(), BEN)
        for each in (BEN, ANN, CARA):
            await who.verified(each, "tel:+4712345678")
        assert await all_of(who, ANN, BEN, CARA) == [{ANN, CARA}, {BEN}, {ANN, CARA}]

    async def test_a_number_that_was_not_heard_of_for_long_may_be_another_s_by_now(
        self, who: People, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await who.verified(ANN, "tel:+4712345678")
        monkeypatch.setattr(people, "_FRESH_S", -1)
        await who.verified(BEN, "tel:+4712345678")
        assert await who.of(ANN) == [ANN]

    async def test_all_who_verify_at_once_are_one(self, who: People) -> None:
        everyone = (ANN, BEN, CARA, DAN)
        await asyncio.gather(*(who.verified(each, "tel:+4712345678") for each in everyone))
        assert await all_of(who, *everyone) == [set(everyone)] * 4
