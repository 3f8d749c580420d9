"""Does with python-socketio what mockttp.mjs does with socket.io-client."""

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


@client.on("*", namespace="/mockttp")
def on_event(name, *args):
    say(name, *args)


@client.on("disconnect", namespace="/mockttp")
def disconnect():
    say("disconnect")


client.connect(url, transports=transports.split(","), namespaces=["/mockttp"])
answer = client.call("subscribe", {"filter": "host:wanted.test"}, namespace="/mockttp")
refused = client.call("subscribe", {"events": ["nothing"]}, namespace="/mockttp")
say("ready", answer["ok"], refused["error"])
client.wait()
