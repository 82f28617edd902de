"""How speech sounds that came over bad networks: PESQ-WB of what tests/lossy_speech.rs wrote into FOLDER, as a table.

    python benches/pesq_table.py FOLDER

Needs the packages of benches/pesq-requirements.txt; `make impair` does it all. Ends with 1 when speech with 5 % loss, 30 ms
jitter and redundancy sounds worse than 3.0 with any seed.
"""

import collections
import pathlib
import sys
import wave

import numpy
import pesq

TARGET = 3.0
RATE = 16_000


def samples(path):
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (RATE, 1, 2), path
        return numpy.frombuffer(file.readframes(file.getnframes()), dtype="<i2")


def main(folder):
    folder = pathlib.Path(folder)
    reference = samples(folder / "reference.wav")
    rows = collections.defaultdict(list)
    for line in (folder / "rows.txt").read_text().splitlines():
        lost, jitter, redundant, _seed, delay, concealed, recovered, name = line.split()
        heard = samples(folder / name)[: len(reference) + RATE // 2]
        score = pesq.pesq(RATE, reference, heard, "wb")
        rows[int(lost), int(jitter), redundant == "true"].append(
            (score, float(delay), float(concealed), float(recovered))
        )
    print("| loss, jitter | redundancy | PESQ-WB, mean (worst) | waits, ms | made up, % | from the next packet, % |")
    print("|---|---|--:|--:|--:|--:|")
    for (lost, jitter, redundant), runs in rows.items():
        score, delay, concealed, recovered = (sum(column) / len(runs) for column in zip(*runs))
        worst = min(run[0] for run in runs)
        print(
            f"| {lost} %, {jitter} ms | {'yes' if redundant else 'no'} | {score:.2f} ({worst:.2f}) | {delay:.0f} | "
            f"{concealed:.1f} | {recovered:.1f} |"
        )
    worst = min(run[0] for run in rows[5, 30, True])
    print(f"5 % loss and 30 ms jitter with redundancy: {worst:.2f} at worst, {TARGET} is asked for")
    return worst < TARGET


sys.exit(main(*sys.argv[1:]))
