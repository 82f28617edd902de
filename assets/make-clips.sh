#!/bin/sh
# Makes the spoken clips of the bundled scenario: 24 kHz, mono, 16 bit.
# Needs: apt-get install espeak-ng sox
set -eu
cd "$(dirname "$0")"
raw=$(mktemp -d)
trap 'rm -rf "$raw"' EXIT

# clip NAME VOICE SPEED TEXT
clip() {
    espeak-ng -v "$2" -s "$3" -w "$raw/$1.wav" "$4"
    sox -D "$raw/$1.wav" -r 24000 -c 1 -b 16 "$1.wav" silence 1 0.01 0.5% reverse silence 1 0.01 0.5% reverse pad 0.1 0.1 gain -n -6
}

user=en-us+f3
assistant=en-gb+m3
clip question1 $user 165 "Can you tell me about the history of the lighthouse?"
clip answer1 $assistant 180 "Of course. The first lighthouses were open fires on hills, which guided ships at night. Later they became towers of stone, and their lamps were given mirrors and lenses."
clip question2 $user 165 "Sorry, just tell me how tall the tallest one is."
clip answer2 $assistant 150 "The tallest one is one hundred and thirty three metres high."
clip question3 $user 165 "Thank you. And what is the weather like in Paris today?"
clip answer3 $assistant 150 "In Paris it is eighteen degrees and sunny."
