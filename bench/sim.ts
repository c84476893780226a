/** Packet events per second of the simulator on one core: two Linux homes and one pf behind chains, flooding each other. */
import { createWorld, NATS } from '../src/sim/index.ts';

const PACKETS = 200_000;

function run(): { readonly events: number; readonly packetEvents: number; readonly seconds: number } {
  const world = createWorld({ seed: 1, delayMs: { min: 10, max: 80 }, jitterMs: 2, lossRate: 0.01, trace: false });
  let packetEvents = 0;
  world.watch(() => packetEvents++);
  const [left, right] = world.pairBehind([NATS.linux, NATS.fullCone], NATS.linux);
  const local = { address: '0.0.0.0', port: 5000 };
  for (const host of [left, right]) host.bind(local, () => {});
  const [a, b] = [world.gateways[0], world.gateways[2]].map((box) => ({
    address: box?.nat.addresses[0] as string,
    port: 5000,
  }));
  const bytes = new Uint8Array(32);
  const began = performance.now();
  for (let i = 0; i < PACKETS; i++) {
    world.after(i / 100, () => {
      left.send(local, b as { address: string; port: number }, bytes);
      right.send(local, a as { address: string; port: number }, bytes);
    });
  }
  world.run(PACKETS / 100 + 1_000);
  return { events: world.events, packetEvents, seconds: (performance.now() - began) / 1000 };
}

run();
const { events, packetEvents, seconds } = run();
console.log(
  JSON.stringify({
    packetEventsPerSecond: Math.round(packetEvents / seconds),
    agendaEventsPerSecond: Math.round(events / seconds),
    packetEvents,
    seconds: Number(seconds.toFixed(2)),
  }),
);
