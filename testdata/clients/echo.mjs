// Sends messages over a WebSocket with Node's ws, expects each back as it was,
// or others in their place, and closes. The task is JSON on standard input: url,
// proxy ("" for none), deflate, messages of {binary, data in base64, parts,
// ping}, and expect, if that is something else. The authority to trust comes with
// NODE_EXTRA_CA_CERTS.
import { once } from 'node:events';
import { text } from 'node:stream/consumers';

import { HttpsProxyAgent } from 'https-proxy-agent';
import WebSocket from 'ws';

const task = JSON.parse(await text(process.stdin));
const decoded = (list) => list.map((m) => ({ ...m, data: Buffer.from(m.data, 'base64') }));
const messages = decoded(task.messages);
const expected = decoded(task.expect ?? task.messages);

const socket = new WebSocket(task.url, {
  agent: task.proxy ? new HttpsProxyAgent(task.proxy) : undefined,
  perMessageDeflate: task.deflate && { threshold: 0 },
});
let received = 0;
socket.on('message', (data, binary) => {
  const want = expected[received++];
  if (binary !== Boolean(want?.binary) || !data.equals(want.data)) {
    throw new Error(`message ${received} is not as expected: ${data.length} bytes`);
  }
  if (received === expected.length) {
    socket.close(1000, 'done');
  }
});
await once(socket, 'open');
for (const message of messages) {
  send(message);
}
const [code] = await once(socket, 'close');
if (code !== 1000 || received !== expected.length) {
  throw new Error(`closed with ${code} after ${received} messages`);
}

function send({ data, binary = false, parts, ping }) {
  if (ping) {
    socket.ping('are you there?');
  }
  const length = Math.ceil(data.length / parts);
  for (let part = 0; part < parts; part++) {
    const piece = data.subarray(part * length, (part + 1) * length);
    socket.send(piece, { binary, fin: part === parts - 1 });
  }
}
