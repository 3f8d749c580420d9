"""Connects to an event server with python-socketio (Debian: python3-socketio,
python3-websocket, python3-requests), subscribes to all traffic and prints each
event as a line of JSON: [name, arguments]. The arguments are the URL and the
transports, as for events.mjs."""

import json
import sys
import threading

import socketio

url, transports = sys.argv[1:3]
client = socketio.Client(reconnection=False)
printing = threading.Lock()  # each event has a thread of its own


def say(*line):
    with printing:
        print(json.dumps(line, default=lambda data: data.decode()), flush=True)


@client.on("*")
def on_event(name, *args):
    say(name, *args)


@client.event
def disconnect():
    say("disconnect")


client.connect(url, transports=transports.split(","))
answer = client.call("traffic:subscribe", {})
refused = client.call("breakpoint:resume", {"id": "nothing"})
say("ready", client.transport(), answer["ok"], refused["ok"])
client.wait()
