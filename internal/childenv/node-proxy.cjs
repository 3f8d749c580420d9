'use strict';

// Loaded through NODE_OPTIONS. Releases of Node.js that know NODE_USE_ENV_PROXY
// need nothing of this; the older ones ignore HTTP_PROXY and HTTPS_PROXY, and
// are made to tunnel every connection of http, https and fetch with CONNECT.

const http = require('http');
const https = require('https');
const net = require('net');
const tls = require('tls');

const [major, minor] = process.versions.node.split('.').map(Number);

// Nested runs load one copy from each of their folders; one is enough.
const loaded = Symbol.for('necto.nodeProxy');

if (!readsEnvironment() && !process[loaded]) {
  process[loaded] = true;
  tunnelAgents();
  if (major < 24) { // 24.0 proxies fetch, but not yet http and https
    tunnelFetch();
  }
}

function readsEnvironment() {
  return major > 24 || (major === 24 && minor >= 5) || (major === 22 && minor >= 21);
}

// proxyFor returns the URL of the proxy for a connection, undefined for none.
function proxyFor(secure, host) {
  const env = process.env;
  const value = secure ? env.HTTPS_PROXY || env.https_proxy : env.HTTP_PROXY || env.http_proxy;
  return value && !excluded(host, env.NO_PROXY || env.no_proxy || '') ? new URL(value) : undefined;
}

// excluded obeys a NO_PROXY that the program, or what started it, has set anew.
function excluded(host, list) {
  return list.split(/[\s,]+/).some((entry) => {
    const name = entry.replace(/^\*?\./, '');
    return entry === '*' || (name !== '' && (host === name || host.endsWith('.' + name)));
  });
}

// tunnel calls back with a socket on which the proxy has connected us to
// host:port.
function tunnel(proxy, host, port, callback) {
  const authority = `${net.isIPv6(host) ? `[${host}]` : host}:${port}`;
  const headers = { host: authority };
  if (proxy.username) {
    const credentials = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
    headers['proxy-authorization'] = `Basic ${Buffer.from(credentials).toString('base64')}`;
  }
  const request = http.request({
    method: 'CONNECT',
    path: authority,
    headers,
    // A connection of its own: agents would lead back here.
    createConnection: () => net.connect({
      host: proxy.hostname.replace(/^\[|\]$/g, ''),
      port: proxy.port || 80,
    }),
  });
  request.once('error', callback);
  request.once('connect', (response, socket, head) => {
    if (response.statusCode < 200 || response.statusCode > 299) {
      socket.destroy();
      callback(new Error(`the proxy answered CONNECT ${authority} with ${response.statusCode}`));
      return;
    }
    if (head.length > 0) {
      socket.unshift(head);
    }
    callback(null, socket);
  });
  request.end();
}

// tunnelAgents changes how agents connect, so that those of the program's own
// making are covered as well as the global ones. An agent takes the socket from
// the callback if createConnection returns nothing.
function tunnelAgents() {
  for (const [prototype, secure] of [[http.Agent.prototype, false], [https.Agent.prototype, true]]) {
    const direct = prototype.createConnection;
    prototype.createConnection = function createConnection(options, callback) {
      const host = options?.host || 'localhost';
      const proxy = callback && !options.socketPath && proxyFor(secure, host);
      if (!proxy) {
        return direct.apply(this, arguments);
      }
      tunnel(proxy, host, options.port, (error, socket) => {
        if (error || !secure) {
          callback(error, socket);
          return;
        }
        callback(null, direct.call(this, { ...options, socket }));
      });
    };
  }
}

// tunnelFetch gives fetch a dispatcher that connects through the proxy. The
// bundled undici is not exported, but its Agent is the class of the global
// dispatcher, which exists from the first use of one of its globals on.
function tunnelFetch() {
  const key = Symbol.for('undici.globalDispatcher.1');
  const dispatcher = globalThis.Headers && globalThis[key];
  if (dispatcher) {
    globalThis[key] = new dispatcher.constructor({ connect });
  }
}

// connect is undici's connector: it calls back with a socket that is ready.
function connect({ hostname, protocol, port, servername }, callback) {
  const secure = protocol === 'https:';
  const host = hostname.replace(/^\[|\]$/g, '');
  const address = { host, port: port || (secure ? 443 : 80) };
  const ready = (error, socket) => {
    if (error || !secure) {
      callback(error, socket);
      return;
    }
    const name = servername || (net.isIP(host) ? '' : host);
    const encrypted = tls.connect({ ...address, socket, servername: name, ALPNProtocols: ['http/1.1'] });
    encrypted.once('error', callback);
    encrypted.once('secureConnect', () => {
      encrypted.off('error', callback);
      callback(null, encrypted);
    });
  };
  const proxy = proxyFor(secure, host);
  if (proxy) {
    tunnel(proxy, address.host, address.port, ready);
    return;
  }
  const socket = net.connect(address);
  socket.once('error', ready);
  socket.once('connect', () => {
    socket.off('error', ready);
    ready(null, socket);
  });
}
