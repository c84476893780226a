/**
 * A host's forwarder in a process that may have few descriptors from here on: run by `descriptors.test.ts`. Friends come until there is no
 * room, one leaves, another comes; what happened is printed as one line of JSON.
 */
import { execFileSync } from 'node:child_process';
import { AGENT_LIMITS } from '../../src/agent/testing.ts';
import { watchNetwork } from '../../src/node/index.ts';
import { ask, cleanUp, echoServer, friendsEnd, hostForward, pathPair, udp } from './forwarders.ts';

/** Without a descriptor of its own to look there with. */
const open = (): number => process.getActiveResourcesInfo().filter((name) => name === 'UDPWrap').length;

// Not before: to load its modules Node opens more files than that at once.
execFileSync('prlimit', ['--pid', String(process.pid), `--nofile=${process.argv[2]}`]);
const server = await echoServer();
// As a host's program does all the time; not even a look at the own network has a descriptor then.
let networksChanged = 0;
const watch = watchNetwork(() => networksChanged++, 20);
const { forward, notices } = hostForward(server.at);
// Others of this script run beside it: each has friends, and so addresses, of its own.
const called = (name: string): string => `${name} of ${process.pid}`;
const first = pathPair(called('first'));
const firstSeat = forward.attach(first.atHost);
const { at } = await friendsEnd(first.atFriend);
const { socket } = await udp();

const friends = Array.from({ length: Number(process.argv[2]) }, (_, n) => pathPair(called(`friend ${n}`)));
const seats = friends.map(({ atHost }) => forward.attach(atHost));
const refused = seats.filter((seat) => seat === null).length;
const playsOn = await ask(socket, at, 'still here');

// One goes, and whoever had no seat gets it with the next datagram.
friends[0]?.atHost.over('left');
const late = friends.findLast((_, n) => seats[n] === null);
const answer = new Promise<string>((resolve) => late?.atFriend.once('message', (bytes) => resolve(String(bytes))));
late?.atFriend.send(new TextEncoder().encode('now'));
const seated = await answer;

// All leave: after a while nothing of them is open. Nor is what the look at the network had open a moment ago, which is not theirs.
watch.stop();
await new Promise((resolve) => setTimeout(resolve, 50));
const before = open();
for (const { atHost } of friends) atHost.over('left');
await new Promise((resolve) => setTimeout(resolve, AGENT_LIMITS.seatSleepMs + 500));
const slept = before - open();
const back = pathPair(called('friend 1'));
const sameSeat = JSON.stringify(forward.attach(back.atHost)) === JSON.stringify(seats[1]);
cleanUp();
const told = { refused, playsOn, firstSeat, seated, slept, sameSeat, notices, networksChanged };
process.stdout.write(`${JSON.stringify(told)}\n`);
process.exit();
