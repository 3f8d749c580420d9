"""Sends messages over a WebSocket with Python's websockets, expects each back as
it was, and closes. The task is JSON on standard input: url, proxy ("" for none),
ca (a file), deflate, and messages of {binary, data in base64, parts, ping}.
"""

import asyncio
import base64
import json
import socket
import ssl
import sys
from urllib.parse import urlsplit

import websockets


def tunnel(proxy, url):
    """Returns a socket on which the proxy has connected us to the origin.

    The releases that Debian has know no proxies.
    """
    port = url.port or (443 if url.scheme == "wss" else 80)
    sock = socket.create_connection((proxy.hostname, proxy.port))
    sock.sendall(f"CONNECT {url.hostname}:{port} HTTP/1.1\r\nHost: {url.hostname}:{port}\r\n\r\n".encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = sock.recv(1)
        if not byte:
            raise EOFError(f"the proxy hung up after {head!r}")
        head += byte
    if b" 200 " not in head.split(b"\r\n")[0]:
        raise ConnectionError(head.decode())
    return sock


def connect(task):
    url = urlsplit(task["url"])
    options = {"compression": "deflate" if task["deflate"] else None, "max_size": None}
    if task["proxy"]:
        options["sock"] = tunnel(urlsplit(task["proxy"]), url)
    if url.scheme == "wss":
        options["ssl"] = ssl.create_default_context(cafile=task["ca"])
        options["server_hostname"] = url.hostname
    return websockets.connect(task["url"], **options)


def content(message):
    data = base64.b64decode(message["data"])
    return data if message.get("binary") else data.decode()


def frames(message):
    """Returns what send takes: a list makes it send fragments."""
    whole, parts = content(message), message["parts"]
    if parts == 1:
        return whole
    length = -(-len(whole) // parts)
    return [whole[i : i + length] for i in range(0, len(whole), length)]


async def send(connection, messages):
    for message in messages:
        if message.get("ping"):
            await connection.ping()
        await connection.send(frames(message))


async def main():
    task = json.load(sys.stdin)
    async with connect(task) as connection:
        sending = asyncio.ensure_future(send(connection, task["messages"]))
        for n, message in enumerate(task["messages"]):
            received = await connection.recv()
            if received != content(message):
                raise ValueError(f"message {n} came back changed: {len(received)} long")
        await sending
        await connection.close(1000, "done")


asyncio.run(main())
