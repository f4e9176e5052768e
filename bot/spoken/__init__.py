"""How what is written is said: numbers, amounts, dates, times, codes. Pure functions, by language.

    words      what marks and short forms are called, for the desk's own languages
    numbers    numbers in words, by the rules of Unicode's CLDR: 87 languages
    amounts    prices, percents, units, by the names of CLDR
    moments    dates and times of day
    codes      order numbers, telephone numbers, addresses: read out letter by letter

`bot.speakable` calls them in their order. A language that CLDR cannot count in keeps its digits:
the synthesizer may know better.
"""
