// The reference that necto's event server is measured beside: socket.io of Node.js
// sends batches of 50 entries, the same as necto's, to all who have subscribed, as
// fast as they take them. The entry comes as JSON in the first argument. It prints
// its URL.
import { createServer } from 'node:http';

import { Server } from 'socket.io';

const entry = JSON.parse(process.argv[2]);
const http = createServer();
const io = new Server(http, { transports: ['websocket'], perMessageDeflate: false });
const maxWaiting = 4; // batches, of the slowest

io.on('connection', (socket) => {
  socket.on('traffic:subscribe', (_, answer) => {
    socket.join('traffic:all');
    answer({ ok: true });
  });
});

let id = 0;
function publish() {
  const room = io.of('/').adapter.rooms.get('traffic:all');
  const slow = room && [...room].some((name) => {
    const { conn } = io.of('/').sockets.get(name);
    return conn.writeBuffer.length + conn.transport.socket.bufferedAmount / 30_000 > maxWaiting;
  });
  if (room && !slow) {
    const entries = Array.from({ length: 50 }, () => ({ ...entry, id: `reference-${++id}` }));
    io.to('traffic:all').emit('traffic:batch', entries);
  }
  setImmediate(publish);
}

http.listen(0, '127.0.0.1', () => {
  process.stdout.write(`http://127.0.0.1:${http.address().port}\n`);
  publish();
});
