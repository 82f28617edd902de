"""Speech with known words, for tests/heard.rs: synthesised by espeak-ng, which says when each word begins.

    python3 benches/heard.py FILE          writes what tests/heard.txt holds: loudness only
    python3 benches/heard.py FILE --pcm    writes the samples beside it as well (FILE.pcm)

Needs libespeak-ng.so.1 (Debian: libespeak-ng1). A record is four lines: voice and speed; the transcript; begin and
end of each of its words in milliseconds; loudness of every 20 ms, a byte each in hexadecimal: 16 * log2(1 + mean |sample|).
Samples have espeak's 22050 Hz and are taken for 24000 Hz, the service's rate, which makes the voice a little quicker.
"""

import array
import ctypes
import math
import random
import re
import sys

RATE = 24_000
FRAME = RATE // 50
WORD = 1

ENGLISH = [
    "Hello and welcome to the support line of the city library. How can I help you today?",
    "Sure, I can do that. Your order was shipped on Monday, and it should arrive within three working days. "
    "If nobody is at home, the driver will leave it with a neighbour, or bring it back to the depot.",
    "The weather tomorrow will be mild and mostly dry, with temperatures around 17 degrees in the afternoon. "
    "In the evening, however, heavy showers are expected along the coast; take an umbrella if you go out!",
    "There are three things to remember. First, switch the machine off before you open the lid. Second, wait "
    "until the drum has stopped. Third, never use a wet cloth near the contacts, because that may damage them.",
    "I understand that this is frustrating, and I am sorry about the delay. Let me look into your account for "
    "a moment. It seems that the payment of 249 dollars was declined by your bank, so the booking was released "
    "after half an hour. We can try again with another card, or I can reserve the room without a deposit until "
    "six o'clock this evening. Which of the two would you prefer?",
    "Photosynthesis is the process by which green plants turn light into chemical energy. Inside the leaves, "
    "chlorophyll absorbs mostly red and blue light, which is why plants look green to us. The energy splits "
    "water into oxygen, which leaves the plant, and hydrogen, which is combined with carbon dioxide from the "
    "air to make sugar. Without that process there would be hardly any oxygen in the atmosphere.",
    "Once upon a time there was a miller who had three sons, a mill, a donkey and a cat. When he died, the "
    "eldest took the mill, the second took the donkey, and nothing was left for the youngest but the cat. "
    "What shall I do with a cat, he sighed. Do not worry, said the cat. Give me a pair of boots and a bag, "
    "and you will see that you did not get the worst of the bargain.",
    "To get to the museum take the underground line number 4 towards the harbour and get off at the fifth stop "
    "then walk along the river until you see a small white bridge and cross it and the entrance is on the left.",
]
OTHERS = {
    "de": [
        "Guten Tag, hier ist die Praxis von Doktor Schneider. Wir haben am Donnerstag um halb zehn noch einen "
        "Termin frei, oder am Freitag gegen Mittag. Bitte bringen Sie Ihre Versicherungskarte und, falls "
        "vorhanden, den Befund der letzten Untersuchung mit. Passt Ihnen einer der beiden Termine?",
        "Der Zug nach Hamburg hat heute leider etwa zwanzig Minuten Verspätung. Grund dafür ist eine Störung an "
        "einem Signal. Ihren Anschluss erreichen Sie trotzdem, denn er wartet.",
    ],
    "fr": [
        "Bonjour, vous êtes bien au restaurant des Trois Chênes. Nous sommes ouverts du mardi au dimanche, de "
        "midi à quatorze heures et de dix-neuf heures à vingt-deux heures. Pour combien de personnes souhaitez-vous "
        "réserver une table, et avez-vous des allergies que nous devrions connaître ?",
    ],
    "es": [
        "Claro que sí, le explico cómo funciona. Primero tiene que abrir la aplicación y pulsar el botón verde. "
        "Después aparece una lista con todos los dispositivos, y ahí puede elegir el suyo. Si no lo encuentra, "
        "apague el aparato, espere diez segundos y vuelva a encenderlo.",
    ],
}


class _Id(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    ]


class Voice:
    """espeak-ng in this process."""

    def __init__(self) -> None:
        self._lib = ctypes.CDLL("libespeak-ng.so.1")
        self.rate = self._lib.espeak_Initialize(2, 0, None, 0)
        self._pcm, self._marks = array.array("h"), []
        kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))
        self._callback = kind(self._take)
        self._lib.espeak_SetSynthCallback(self._callback)

    def _take(self, samples, count, events) -> int:
        if samples and count:
            self._pcm.frombytes(ctypes.string_at(samples, 2 * count))
        i = 0
        while events[i].type != 0:
            if events[i].type == WORD:
                self._marks.append((events[i].text_position - 1, events[i].sample))
            i += 1
        return 0

    def speak(self, text: str, language: str, words_a_minute: int):
        """Samples, and for each word that has a mark the character it begins with and its first sample."""
        del self._pcm[:]
        self._marks.clear()
        self._lib.espeak_SetVoiceByName(language.encode())
        self._lib.espeak_SetParameter(1, words_a_minute, 0)
        data = text.encode()
        self._lib.espeak_Synth(data, len(data) + 1, 0, 0, 0, 1, None, None)
        self._lib.espeak_Synchronize()
        return array.array("h", self._pcm), list(self._marks)


def word_times(text: str, pcm, marks):
    """Begin and end of every word, in samples. Silence before the next word belongs to none."""
    starts, at = [], 0
    for word in text.split():
        at = text.index(word, at)
        starts.append(at)
        at += len(word)
    begin = [None] * len(starts)
    for position, sample in marks:
        word = max((i for i, s in enumerate(starts) if s <= position), default=0)
        if begin[word] is None:
            begin[word] = sample
    begin[0] = begin[0] or 0
    ends = [0] * len(starts)
    i = 0
    while i < len(starts):
        # Words espeak-ng runs together ("in the") have one mark: they share its time by their letters.
        j = i + 1
        while j < len(starts) and begin[j] is None:
            j += 1
        stop = begin[j] if j < len(starts) else len(pcm)
        while stop > begin[i] and pcm[stop - 1] == 0:
            stop -= 1
        letters = [len(w) for w in text.split()[i:j]]
        first, done = begin[i], 0
        for k in range(i, j):
            begin[k] = first + (stop - first) * done // sum(letters)
            done += letters[k - i]
            ends[k] = first + (stop - first) * done // sum(letters)
        i = j
    return list(zip(begin, ends))


def loudness(pcm) -> str:
    frames = (pcm[i : i + FRAME] for i in range(0, len(pcm), FRAME))
    return bytes(round(16 * math.log2(1 + sum(map(abs, f)) / len(f))) for f in frames).hex()


def main() -> None:
    path, keep = sys.argv[1], "--pcm" in sys.argv
    voice, rng, all_pcm = Voice(), random.Random(18), array.array("h")
    jobs = [("en-us" if i % 2 else "en", t) for i, t in enumerate(ENGLISH)]
    jobs += [(language, t) for language, texts in OTHERS.items() for t in texts]
    with open(path, "w", encoding="utf-8") as out:
        for number, (language, text) in enumerate(j for j in jobs for _ in range(2)):
            # Two answers of one voice stand together.
            speed = rng.randrange(130, 205) if number % 2 == 0 else speed
            pcm, times = array.array("h"), []
            for sentence in re.split(r"(?<=[.!?]) ", text):
                # Nobody keeps one pace through an answer.
                said, marks = voice.speak(sentence, language, round(speed * rng.uniform(0.88, 1.12)))
                times += [(b + len(pcm), e + len(pcm)) for b, e in word_times(sentence, said, marks)]
                pcm.extend(said)
                pcm.extend([0] * (RATE * rng.randrange(200, 600) // 1000))
            pcm.extend([0] * (-len(pcm) % FRAME))
            if number % 2:
                # As it is with models: a pause nobody wrote a comma for, and a room that is not silent.
                commas = [i for i, c in enumerate(text) if c == ","]
                gone = set(rng.sample(commas, len(commas) // 3))
                text = "".join(c for i, c in enumerate(text) if i not in gone)
                pcm = array.array("h", (max(-32768, min(32767, s + rng.randrange(-60, 61))) for s in pcm))
            ms = " ".join(f"{b * 1000 // RATE} {e * 1000 // RATE}" for b, e in times)
            out.write(f"{language} {speed}\n{text}\n{ms}\n{loudness(pcm)}\n")
            all_pcm.extend(pcm)
    if keep:
        with open(path + ".pcm", "wb") as out:
            all_pcm.tofile(out)


if __name__ == "__main__":
    main()
