// The peer of necto's event server: socket.io of Node.js sends the same batches to
// all who have subscribed, as fast as they take them. Its arguments are the file to
// write once it listens, the first entry, and how many there are: their numbers,
// behind the last hyphen of their ids, go up from that of the first, again and again.
// It is CommonJS so that NODE_PATH says where socket.io is.
'use strict';

const fs = require('node:fs');
const { createServer } = require('node:http');
const { Server } = require('socket.io');

const [readyFile, text, count, batchEntries, waitingBatches] = process.argv.slice(2);
const first = JSON.parse(text);
const [, prefix, number] = /^(.*-)(\d+)$/.exec(first.id);
const batchBytes = batchEntries * text.length;

const http = createServer();
const io = new Server(http, { transports: ['websocket'], perMessageDeflate: false });
const subscribers = new Set(); // of connections

io.on('connection', (socket) => {
  socket.on('traffic:subscribe', (_, answer) => {
    socket.join('traffic:all');
    subscribers.add(socket.conn);
    answer({ ok: true });
  });
  socket.on('disconnect', () => subscribers.delete(socket.conn));
});

// waiting says how many batches a connection has not taken: those that socket.io
// holds, and those that the socket does.
function waiting(conn) {
  return conn.writeBuffer.length + conn.transport.socket.bufferedAmount / batchBytes;
}

function slow() {
  for (const conn of subscribers) {
    if (waiting(conn) > waitingBatches) return true;
  }
  return false;
}

let next = 0;
function batch() {
  const entries = new Array(+batchEntries);
  for (let i = 0; i < entries.length; i++) {
    entries[i] = { ...first, id: prefix + (+number + next) };
    next = (next + 1) % count;
  }
  return entries;
}

function publish() {
  if (subscribers.size === 0) {
    setTimeout(publish, 1); // while another server is measured
    return;
  }
  if (!slow()) io.to('traffic:all').emit('traffic:batch', batch());
  setImmediate(publish);
}

http.listen(0, '127.0.0.1', () => {
  const ready = { pid: process.pid, proxy: `http://127.0.0.1:${http.address().port}` };
  fs.writeFileSync(`${readyFile}.tmp`, JSON.stringify(ready));
  fs.renameSync(`${readyFile}.tmp`, readyFile);
  publish();
});
