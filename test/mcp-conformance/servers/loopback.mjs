// Decides that a server which would listen on every address listens on loopback, and that it says on which port.
import { Server } from 'node:net';

const { listen } = Server.prototype;
Server.prototype.listen = function onLoopback(port, listening) {
  return listen.call(this, { host: '127.0.0.1', port: Number(port) }, () => {
    process.stdout.write(`${JSON.stringify({ port: this.address().port })}\n`);
    listening?.();
  });
};
