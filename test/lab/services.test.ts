/** A host with two ports and a friend who has a console beside: real networks, with the broadcast of a real one. */
import { expect, test } from 'vitest';
import { compiled, openScene, tinyGame } from '../../lab/index.ts';
import { describeUnless, labMissing } from '../support.ts';

const JOIN_MS = 60_000;
const HOME = { kind: 'nat', nat: 'home-router' } as const;

/** Asks everybody on its network as Minecraft's Bedrock Edition does, again and again, and then one port by itself. */
const CONSOLE = `
const socket = require('dgram').createSocket('udp4');
const [address, port] = process.argv.slice(1);
socket.on('message', (bytes, from) => console.log(from.address + ':' + from.port + ' ' + bytes.toString('hex')));
socket.bind(0, () => {
  socket.setBroadcast(true);
  setInterval(() => {
    socket.send(Buffer.from('01aa', 'hex'), 19132, '255.255.255.255');
    socket.send(Buffer.from('02bb', 'hex'), Number(port), address);
  }, 250);
});`;

describeUnless(labMissing(), 'several services', () => {
  test(
    'are found at their numbers, and by a console in the same network that looks for its game',
    async () => {
      const scene = await openScene({ host: HOME, client: HOME, game: tinyGame });
      try {
        scene.hostSide.spawn([process.execPath, compiled('lab/tiny-game.js'), '30001']);
        const words = ['host', '30000,30001', '--as', 'evening', '--game', 'bedrock', '--json', '--master', scene.link];
        const host = scene.sallyport(scene.hostSide, words);
        const { code } = await scene.event(host, 'ready', JOIN_MS);
        const join = ['join', String(code), '--lan', '--json', '--master', scene.link];
        const { services } = await scene.event(scene.sallyport(scene.clientSide, join), 'connected', JOIN_MS);
        expect(services).toEqual(
          [30_000, 30_001].map((port) => ({ port, protocol: 'udp', local: `127.0.0.1:${port}` })),
        );
        const router = scene.nats.find(({ name }) => name === 'kofinat');
        if (router === undefined) throw new Error('the friend has no router');
        const beside = await scene.lab.hostBehind(router, 'console');
        const { address } = scene.clientSide;
        const console = beside.spawn([process.execPath, '-e', CONSOLE, address, '30001']);
        // The answer comes from the port of the service, which is where the game connects to.
        await console.find(({ text }) => text === `${address}:30000 01aa` || null, JOIN_MS);
        await console.find(({ text }) => text === `${address}:30001 02bb` || null, JOIN_MS);
      } finally {
        await scene.close();
      }
    },
    3 * JOIN_MS,
  );
});
