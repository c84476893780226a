/** A UDP server of a dozen lines, for the demo where no real game server is installed: answers `status?`, echoes the rest. */
import { createSocket } from 'node:dgram';

const socket = createSocket('udp4');
socket.on('message', (bytes, from) => {
  const answer = bytes.toString() === 'status?' ? 'Tiny arena, 0 of 8 players' : bytes;
  socket.send(answer, from.port, from.address);
});
socket.bind(Number(process.argv[2]), () => process.stdout.write('listening\n'));
