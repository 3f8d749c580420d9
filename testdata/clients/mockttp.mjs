// Connects to the namespace /mockttp of an event server with socket.io-client and
// prints each event as a line of JSON: [name, payload], binary as text. The arguments
// are the URL of the server and the transports, as for events.mjs. It ends when the
// server disconnects it.
import { io } from 'socket.io-client';

const [url, transports] = process.argv.slice(2);
const socket = io(`${url}/mockttp`, { transports: transports.split(','), reconnection: false });
const text = (_, v) => (v?.type === 'Buffer' ? Buffer.from(v.data).toString() : v);
const say = (line) => process.stdout.write(`${JSON.stringify(line, text)}\n`);

socket.onAny((...event) => say(event));
socket.on('connect', async () => {
  const answer = await socket.emitWithAck('subscribe', { filter: 'host:wanted.test' });
  const refused = await socket.emitWithAck('subscribe', { events: ['nothing'] });
  say(['ready', answer.ok, refused.error]);
});
socket.on('disconnect', () => {
  say(['disconnect']);
  socket.close();
});
