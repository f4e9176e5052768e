"""Markdown for tests of properties: what articles hold, and what nobody would write."""

from hypothesis import strategies as st

_WORDS = (
    *("order", "Wi-Fi", "naïve", "größer", "我的订单", "طلبي", "e.g.", "3.5", "VT-482137", "*100#"),
    *("👩‍👩‍👧‍👦", "🇳🇴🇩🇪", "👍🏽", "नमस्ते", "각", "é", "𝔘𝔫𝔦", "a_b_c", "<b>", "&amp;", "R&D"),
    *("https://shop.example/a_b?x=1&y=*2*", "</pre>", "```", "``", "`x`", "<script>", "![", "]("),
    *("@everyone", "<!channel>", "<@U1>", "<!here|x>", "\\*", "*", "**", "_", "__", "~~", "|", ">"),
)

words = st.one_of(st.sampled_from(_WORDS), st.text(min_size=1, max_size=12))
"""Words, signs of markup, other scripts, whatever else text may be."""
sentences = st.lists(words, min_size=1, max_size=12).map(" ".join)
_styled = st.builds(
    "{0}{1}{0}".format, st.sampled_from(["**", "_", "~~", "`", "``", "***"]), sentences
)
_links = st.builds(
    "[{}]({})".format,
    sentences,
    st.sampled_from(["https://a.example/x_y", "mailto:a@b.example", "/page", "javascript:x()"]),
)
_inline = st.lists(st.one_of(sentences, _styled, _links), min_size=1, max_size=4).map(" ".join)
_blocks = st.one_of(
    _inline,
    st.builds("{} {}".format, st.sampled_from(["#", "##", "-", "1.", "7)", ">", "  -"]), _inline),
    st.lists(_inline, min_size=2, max_size=3).map(lambda said: "> " + "\n>\n> ".join(said)),
    st.lists(_inline, min_size=2, max_size=4).map(lambda said: "- " + "\n  - ".join(said)),
    st.builds("```\n{}\n```".format, st.text(max_size=60)),
    st.builds("| a | b |\n|---|---|\n| {} | {} |".format, sentences, _inline),
)
documents = st.one_of(
    st.lists(_blocks, min_size=1, max_size=5).map("\n\n".join), st.text(max_size=200)
)
"""Whole texts."""
