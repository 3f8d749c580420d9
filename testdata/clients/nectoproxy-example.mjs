// The complete example of NectoProxy's documentation of its events. Only the address
// is another one, that of the first argument, and the types are left out.
import { io } from 'socket.io-client';

// Connect to NectoProxy
const socket = io(process.argv[2], {
  transports: ['websocket', 'polling'],
});

// Connection lifecycle
socket.on('connect', () => {
  console.log('Connected to NectoProxy');
  // Subscribe to all traffic
  socket.emit('traffic:subscribe', {});
});
socket.on('disconnect', () => {
  console.log('Disconnected from NectoProxy');
});

// Monitor new traffic
socket.on('traffic:batch', (entries) => {
  for (const entry of entries) {
    const status = entry.status ?? 'pending';
    const duration = entry.duration ? `${entry.duration}ms` : '...';
    console.log(`[${status}] ${entry.method} ${entry.url} (${duration})`);
  }
});

// Monitor traffic updates (response received)
socket.on('traffic:update', (update) => {
  if (update.status) {
    console.log(`Updated ${update.id}: status=${update.status}`);
  }
});

// Handle breakpoints
socket.on('breakpoint:hit', (hit) => {
  console.log(`\nBreakpoint hit: ${hit.method} ${hit.url}`);
  console.log(`Type: ${hit.type}, ID: ${hit.id}`);
  // Auto-resume after inspection (in production, you would
  // present this to the user via a UI)
  setTimeout(() => {
    socket.emit('breakpoint:resume', {
      id: hit.id,
      action: 'continue',
    });
    console.log('Breakpoint resumed');
  }, 1000);
});
socket.on('breakpoint:resumed', (id) => {
  console.log(`Breakpoint ${id} resumed`);
});
socket.on('breakpoint:timeout', (id) => {
  console.log(`Breakpoint ${id} timed out`);
});

// Monitor WebSocket connections
socket.on('websocket:open', (event) => {
  console.log(`WebSocket opened: ${event.url}`);
});
socket.on('websocket:frame', (frame) => {
  const dir = frame.direction === 'client-to-server' ? 'SEND' : 'RECV';
  console.log(`WS [${dir}] opcode=${frame.opcode} len=${frame.length}`);
});
socket.on('websocket:close', (event) => {
  console.log(`WebSocket closed: code=${event.code} (${event.frameCount} frames)`);
});

// Monitor rule changes
socket.on('rule:created', (rule) => {
  console.log(`Rule created: ${rule.name}`);
});
socket.on('rule:toggled', (rule) => {
  console.log(`Rule ${rule.name}: ${rule.enabled ? 'ON' : 'OFF'}`);
});

// Monitor proxy status
socket.on('proxy:started', (config) => {
  console.log(`Proxy started on port ${config.port}`);
});
socket.on('proxy:error', (error) => {
  console.error(`Proxy error: ${error}`);
});

// Graceful shutdown
process.on('SIGINT', () => {
  socket.emit('traffic:unsubscribe');
  socket.disconnect();
  process.exit(0);
});
