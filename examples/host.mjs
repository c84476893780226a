// A game server that lets friends in by a code. Run: node examples/host.mjs MASTER_LINK
import { openAgent } from 'sallyport';

const agent = await openAgent({ master: process.argv[2] });
await agent.ready(); // handshaken by the master, own network measured

const hosting = await agent.host({
  name: 'Echo arena',
  onPath: (path) => {
    // One direct, encrypted path per friend; datagrams are as unreliable as UDP itself.
    path.on('message', (bytes) => path.send(new TextEncoder().encode(`you said: ${new TextDecoder().decode(bytes)}`)));
    path.once('close', () => agent.close());
  },
});
console.log(hosting.code);
