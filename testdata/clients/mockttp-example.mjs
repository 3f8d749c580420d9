// The usage examples of Mockttp's documentation of its events. Only where the events
// come from is another place, that of the first argument, and the types are left out;
// rules are a matter of necto's rules file.
import { io } from 'socket.io-client';

const mockServer = io(process.argv[2], { transports: ['websocket'] });
await new Promise((resolve) => mockServer.on('connect', resolve));

// Monitor all HTTP traffic
await mockServer.on('request-initiated', (req) => {
  console.log(`${req.method} ${req.path} - Started`);
});

await mockServer.on('request', (req) => {
  console.log(`${req.method} ${req.path} - Body: ${req.body.buffer.length} bytes`);
});

await mockServer.on('response', (res) => {
  console.log(`Response ${res.statusCode} - ${res.body.buffer.length} bytes`);
});

await mockServer.on('abort', (req) => {
  console.log(`Request aborted: ${req.method} ${req.path}`);
  if (req.error) {
    console.log(`Error: ${req.error.message}`);
  }
});

// Track WebSocket connections
const connections = new Map();

await mockServer.on('websocket-request', (req) => {
  console.log(`WebSocket requested: ${req.url} by ${req.headers['user-agent']}`);
});

await mockServer.on('websocket-accepted', (res) => {
  connections.set(res.id, {
    connectedAt: Date.now(),
    messageCount: 0,
  });
  console.log(`WebSocket ${res.id} connected`);
});

await mockServer.on('websocket-message-received', (msg) => {
  const conn = connections.get(msg.streamId);
  if (conn) conn.messageCount++;

  const text = msg.isBinary ? `[Binary: ${msg.content.length} bytes]` : new TextDecoder().decode(msg.content);

  console.log(`${msg.streamId} received: ${text}`);
});

await mockServer.on('websocket-message-sent', (msg) => {
  const text = msg.isBinary ? `[Binary: ${msg.content.length} bytes]` : new TextDecoder().decode(msg.content);

  console.log(`${msg.streamId} sent: ${text}`);
});

await mockServer.on('websocket-close', (close) => {
  const conn = connections.get(close.streamId);
  if (conn) {
    const duration = Date.now() - conn.connectedAt;
    console.log(`WebSocket ${close.streamId} closed after ${duration}ms, ${conn.messageCount} messages`);
  }
  connections.delete(close.streamId);
});

// Monitor TLS issues
await mockServer.on('tls-client-error', (error) => {
  console.log(`TLS error: ${error.failureCause}`);
  if (error.tlsMetadata.sniHostname) {
    console.log(`SNI hostname: ${error.tlsMetadata.sniHostname}`);
  }
  if (error.tlsMetadata.ja3Fingerprint) {
    console.log(`JA3 fingerprint: ${error.tlsMetadata.ja3Fingerprint}`);
  }
});

// Monitor client errors
await mockServer.on('client-error', (error) => {
  console.log(`Client error: ${error.errorCode}`);
  console.log(`Request: ${error.request.method} ${error.request.url}`);
  if (error.response !== 'aborted') {
    console.log(`Response: ${error.response.statusCode}`);
  }
});

// Monitor TLS passthrough (if configured)
await mockServer.on('tls-passthrough-opened', (event) => {
  console.log(`TLS passthrough opened to ${event.destination.hostname}:${event.destination.port}`);
});

await mockServer.on('tls-passthrough-closed', (event) => {
  const duration = event.timingEvents.disconnectTimestamp - event.timingEvents.connectTimestamp;
  console.log(`TLS passthrough closed after ${duration}ms`);
});

// Monitor all rule events
await mockServer.on('rule-event', (event) => {
  console.log(`Rule ${event.ruleId} emitted ${event.eventType} for request ${event.requestId}`);
  console.log('Event data:', event.eventData);
});

// Collect request log
const requestLog = [];

await mockServer.on('request', (req) => {
  requestLog.push(`${req.method} ${req.path}`);
});

console.log('listening');

await new Promise((resolve) => mockServer.on('disconnect', resolve));
console.log(`Log: ${requestLog.join(', ')}`);
mockServer.close();
