// Follows a pool of ports as a user interface of 9Proxy's SDK does, which knows of it
// what its documentation says: eight types of messages, whose payload is a string. It
// prints each as a line of JSON, [type, payload], and ends with code 1 at the first
// that is not as documented. The argument is the URL, ws://127.0.0.1:{endpoint}/ws/{token}.
import WebSocket from 'ws';

const port = /^[0-9]+$/;
const grammar = {
  restoreDone: null,
  settingPortChange: /^[0-9]+:[0-9]+$/,
  forwardListCompleted: /^[^:]+$/,
  proxyError: /^[^:]+:req_proxy_config_error@.+$/,
  portStateUpdate: port,
  portRemoved: port,
  log: /./,
  httpError: /^HTTP Start error/,
};

const fail = (why) => {
  console.error(why);
  process.exit(1);
};

const socket = new WebSocket(process.argv[2]);
socket.on('open', () => console.log('["open",""]'));
socket.on('error', (error) => fail(error.message));
socket.on('message', (data, isBinary) => {
  const text = data.toString();
  const event = JSON.parse(text);
  const { type, payload, ...rest } = event;
  if (isBinary || !(type in grammar) || Object.keys(rest).length > 0) {
    fail(`not documented: ${text}`);
  }
  const fits = grammar[type] === null ? payload === undefined : typeof payload === 'string' && grammar[type].test(payload);
  if (!fits) {
    fail(`not the payload of ${type}: ${text}`);
  }
  console.log(JSON.stringify([type, payload ?? '']));
});
socket.on('close', (code, reason) => console.log(JSON.stringify(['close', `${code} ${reason}`.trim()])));
