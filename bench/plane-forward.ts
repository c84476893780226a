/**
 * A forwarder of datagrams as plain as Node allows, two of which in turn are what everything in `plane.ts` is measured against: what
 * comes from one socket goes out by the other, with nothing done to it. `LISTEN-ADDRESS LISTEN-PORT TO-ADDRESS TO-PORT`.
 */
import { createSocket } from 'node:dgram';

const BUFFER_BYTES = 8_388_608;
const [listenAddress = '', listenPort = '', toAddress = '', toPort = ''] = process.argv.slice(2);
const near = createSocket('udp4');
const far = createSocket('udp4');
let friend: { readonly address: string; readonly port: number } | null = null;
near.on('message', (bytes, from) => {
  friend = from;
  far.send(bytes);
});
far.on('message', (bytes) => {
  if (friend !== null) near.send(bytes, friend.port, friend.address);
});
for (const socket of [near, far]) socket.on('error', () => {});
near.bind(Number(listenPort), listenAddress, () => {
  near.setRecvBufferSize(BUFFER_BYTES);
  far.bind(0, () => {
    far.setRecvBufferSize(BUFFER_BYTES);
    far.connect(Number(toPort), toAddress, () => process.stdout.write('ready\n'));
  });
});
