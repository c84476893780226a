/**
 * Other people's tunnels for Node as forwarders of datagrams, one end each: `FOLDER KIND host|friend ARGUMENTS`, where FOLDER holds the
 * package that `plane-peers.ts` has installed. What the two ends have to tell each other are lines of stdin and stdout.
 */
import { createSocket } from 'node:dgram';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const BUFFER_BYTES = 8_388_608;
const [folder = '', kind = '', side = '', ...words] = process.argv.slice(2);
const load = createRequire(join(folder, 'package.json'));
const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** The game's side: the host's is connected to the server, the friend's waits for the game. */
function gameSide(port: number, toTunnel: (bytes: Buffer) => void): (bytes: Uint8Array) => void {
  const socket = createSocket('udp4');
  let game: { readonly address: string; readonly port: number } | null = null;
  socket.on('error', () => {});
  socket.on('message', (bytes, from) => {
    game = from;
    toTunnel(bytes);
  });
  if (side === 'host') game = { address: '127.0.0.1', port };
  socket.bind(side === 'host' ? 0 : port, '127.0.0.1', () => socket.setRecvBufferSize(BUFFER_BYTES));
  return (bytes) => void (game !== null && socket.send(bytes, game.port, game.address));
}

interface Stream {
  send(bytes: Uint8Array): Promise<void>;
  on(event: 'message' | 'error' | 'connect', listener: (bytes: Uint8Array) => void): void;
}

/** Unreliable datagrams of its encrypted stream, over a table of three nodes on each computer that has some; the first has its bootstrapper. */
async function hyperdht(): Promise<void> {
  // biome-ignore lint/suspicious/noExplicitAny: it comes without types
  const DHT = load('hyperdht') as any;
  const [port = '', address = '', key = ''] = words;
  if (side === 'node') {
    const bootstrap = [{ host: key, port: Number(port) }];
    if (address === key) await DHT.bootstrapper(Number(port), address).ready();
    for (let n = 0; n < 3; n += 1)
      await new DHT({ bootstrap, host: address, ephemeral: false, firewalled: false }).ready();
    say('ready');
    return;
  }
  const node = new DHT({ bootstrap: [{ host: address, port: 49_737 }] });
  const carry = (stream: Stream): void => {
    const toGame = gameSide(Number(port), (bytes) => void stream.send(bytes));
    stream.on('message', toGame);
    stream.on('error', () => {});
  };
  if (side === 'host') {
    const server = node.createServer(carry);
    const pair = DHT.keyPair();
    await server.listen(pair);
    say(`key ${Buffer.from(pair.publicKey).toString('hex')}`);
    return;
  }
  const stream = node.connect(Buffer.from(key, 'hex')) as Stream;
  stream.on('connect', () => say('ready'));
  carry(stream);
}

/** One channel that orders and repeats nothing; at most a STUN server. */
function webrtc(): void {
  // biome-ignore lint/suspicious/noExplicitAny: its types are in the folder that was asked for
  const { PeerConnection } = load('node-datachannel') as any;
  const iceServers = [words[1] ?? ''].filter((server) => server !== '');
  const peer = new PeerConnection(side, { iceServers, maxMessageSize: 65_536 });
  // biome-ignore lint/suspicious/noExplicitAny: see above
  const carry = (channel: any): void => {
    const toGame = gameSide(Number(words[0]), (bytes) => void (channel.isOpen() && channel.sendMessageBinary(bytes)));
    channel.onMessage((message: Uint8Array) => toGame(message));
    channel.onOpen(() => say('ready'));
  };
  peer.onLocalDescription((sdp: string, type: string) => say(`tell ${JSON.stringify({ sdp, type })}`));
  peer.onLocalCandidate((candidate: string, mid: string) => say(`tell ${JSON.stringify({ candidate, mid })}`));
  createInterface({ input: process.stdin }).on('line', (line) => {
    const { sdp, type, candidate, mid } = JSON.parse(line) as Readonly<Record<string, string>>;
    if (sdp !== undefined) peer.setRemoteDescription(sdp, type);
    else peer.addRemoteCandidate(candidate, mid);
  });
  if (side === 'host') peer.onDataChannel(carry);
  else carry(peer.createDataChannel('game', { unordered: true, maxRetransmits: 0 }));
}

if (kind === 'hyperdht') await hyperdht();
else webrtc();
