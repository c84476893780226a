/** What befalls the fleet under test, one after another. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type FleetLab, NODES } from './fleet-lab.ts';

export interface Scene {
  readonly name: string;
  /** What the issue allows of added time at the 99th percentile, in seconds; null: nothing is said. */
  readonly addedMax: number | null;
  /** Begins, lasts, and is over when it returns: from then on everybody has to come back. */
  act(fleet: FleetLab, forMs: number): Promise<void>;
}

/** Between two nodes of a rolling restart: hosts have two nodes again by then. */
const BETWEEN_MS = 4_000;
const CLOCK_MS = 600_000;
const KILLED_S = 2.5;
const PLANNED_S = 0.5;

async function again(fleet: FleetLab, name: (typeof NODES)[number], clockMs: number): Promise<void> {
  await fleet.endNode(name);
  await fleet.startNode(name, clockMs);
}

export const SCENES: readonly Scene[] = [
  {
    name: 'a node is killed (SIGKILL), and starts again',
    addedMax: KILLED_S,
    async act(fleet, forMs) {
      fleet.signalNode('b', 'SIGKILL');
      await sleep(forMs);
      await fleet.startNode('b');
    },
  },
  {
    name: 'a node hangs (SIGSTOP), and goes on',
    addedMax: KILLED_S,
    async act(fleet, forMs) {
      fleet.signalNode('a', 'SIGSTOP');
      await sleep(forMs);
      fleet.signalNode('a', 'SIGCONT');
    },
  },
  {
    name: 'NATS is killed (SIGKILL), and starts again',
    addedMax: KILLED_S,
    async act(fleet, forMs) {
      fleet.signalNats('SIGKILL');
      await sleep(forMs);
      fleet.startNats();
    },
  },
  {
    name: 'NATS hangs (SIGSTOP), and goes on',
    addedMax: KILLED_S,
    async act(fleet, forMs) {
      fleet.signalNats('SIGSTOP');
      await sleep(forMs);
      fleet.signalNats('SIGCONT');
    },
  },
  {
    name: 'a node is cut off from NATS and from half of all (nftables)',
    addedMax: KILLED_S,
    async act(fleet, forMs) {
      await fleet.cut();
      await sleep(forMs);
      await fleet.uncut();
    },
  },
  {
    name: 'a node is ended as planned (SIGTERM), and starts again',
    addedMax: PLANNED_S,
    async act(fleet, forMs) {
      await fleet.endNode('c');
      await sleep(forMs / 2);
      await fleet.startNode('c');
    },
  },
  {
    name: 'all are restarted, one after another (SIGTERM)',
    addedMax: PLANNED_S,
    async act(fleet) {
      for (const name of NODES) {
        await again(fleet, name, 0);
        await sleep(BETWEEN_MS);
      }
    },
  },
  {
    name: 'the disk of a node is full, then has room',
    addedMax: PLANNED_S,
    async act(fleet, forMs) {
      await fleet.fillDisk();
      await sleep(forMs);
      await fleet.emptyDisk();
    },
  },
  {
    name: 'a node restarts with a clock 10 min ahead',
    addedMax: PLANNED_S,
    async act(fleet, forMs) {
      await again(fleet, 'c', CLOCK_MS);
      await sleep(forMs);
    },
  },
  {
    name: 'a node restarts with a clock 10 min behind',
    addedMax: PLANNED_S,
    async act(fleet, forMs) {
      await again(fleet, 'c', -CLOCK_MS);
      await sleep(forMs);
    },
  },
];
