"""Text for the offline voice to read aloud as teaching material: every phone in many neighbourhoods."""

from __future__ import annotations

import os
import random

import pocketsphinx

CARRIERS = (
    "Maybe {0} and {1} will move the {2} before {3} comes.",
    "Why would {0} leave the {1} so far from {2}?",
    "Please put five {0} beside the broken {1}, then {2} it.",
    "I never thought that {0} could be {1} or even {2}.",
    "She asked whether {0} was the {1} of the {2} village.",
    "My brother bought {0}, but {1} is what we {2} most.",
)

# What people say in passing, in talks and interviews, written for the project.
TALK = (
    "So, what we did next was to call everybody who had signed up and ask them one simple question.",
    "You know, I never really thought about it that way, but I suppose it does make sense.",
    "And then, about two weeks later, they told us that the whole thing would start in October.",
    "The first thing you should do is open the settings and look at the list on the left.",
    "Well, it depends on how much time you have and who else is coming along.",
    "Most people don't notice this, but there is a small door right behind the counter.",
    "I grew up in a town where everyone knew everyone, so we hardly ever locked the house.",
    "Right, so let me show you how this works, because it is easier than it looks.",
    "We talked to more than forty teachers, and nearly all of them said the same thing.",
    "That's a good question, and to be fair I don't think anybody has the full answer yet.",
    "If you look at the numbers from last year, you can see that they went up again in spring.",
    "My sister lives close to the station, so usually I stay with her when I'm in the city.",
    "Okay, now add the flour, stir it slowly, and leave it on the side for ten minutes.",
    "He said he would send the papers on Monday, but I haven't seen anything so far.",
    "What I like about this place is that you can sit outside and still hear each other.",
    "It took us three attempts to get there, and each time we learnt something new.",
    "Basically, the machine does what you tell it, only it does so a thousand times a day.",
    "There were maybe twenty of us in the room, and nobody wanted to speak first.",
    "Let's go through the list together, and you stop me whenever something is unclear.",
    "I mean, you could take the bus, but walking along the river is so much nicer.",
)


def teaching_sentences(count: int, seed: int) -> list[str]:
    """`count` sentences: words drawn from the aligner's dictionary, half of them in ordinary carrier phrases."""
    rng = random.Random(seed)
    path = os.path.join(pocketsphinx.get_model_path(), "en-us", "cmudict-en-us.dict")
    with open(path, encoding="utf-8") as file:
        entries = [line.split() for line in file]
    words = [entry[0] for entry in entries if entry[0].isalpha() and 3 <= len(entry) <= 8]
    sentences = []
    for index in range(count):
        drawn = rng.sample(words, 8)
        sentences.append(rng.choice(CARRIERS).format(*drawn) if index % 2 else " ".join(drawn) + ".")
    return sentences
