// Connects to an event server with socket.io-client, subscribes to all traffic and
// prints each event as a line of JSON: [name, ...arguments], binary as text. The
// arguments are the URL, the transports, "websocket" or "polling,websocket", and
// perhaps "restart" to stop the proxy and start it again. It resumes requests that
// are held, and ends when the server disconnects it.
import { io } from 'socket.io-client';

const [url, transports, restart] = process.argv.slice(2);
const socket = io(url, { transports: transports.split(','), reconnection: false });
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const text = (_, v) => (v?.type === 'Buffer' ? Buffer.from(v.data).toString() : v);

socket.on('connect', async () => {
  if (transports === 'polling,websocket' && socket.io.engine.transport.name === 'polling') {
    await new Promise((resolve) => socket.io.engine.once('upgrade', resolve));
  }
  const answer = await socket.emitWithAck('traffic:subscribe', {});
  if (restart) {
    await socket.emitWithAck('proxy:stop');
    await socket.emitWithAck('proxy:start', {});
  }
  const refused = await socket.emitWithAck('breakpoint:resume', { id: 'nothing' });
  say(['ready', socket.io.engine.transport.name, answer.ok, refused.ok]);
});
socket.on('connect_error', (error) => {
  say(['connect_error', error.message]);
  process.exitCode = 1;
});
socket.onAny((name, ...args) => {
  process.stdout.write(`${JSON.stringify([name, ...args], text)}\n`);
});
socket.on('breakpoint:hit', ({ id, type }) => {
  if (type !== 'request') {
    return;
  }
  socket.emit('breakpoint:resume', {
    id,
    action: 'continue',
    modifications: { request: { method: 'PUT', headers: { 'X-New': 'yes' }, body: Buffer.from([0, 1, 2]) } },
  });
});
socket.on('disconnect', (reason) => {
  say(['disconnect', reason]);
  socket.close();
});
