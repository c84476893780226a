/** A home router that opens ports by NAT-PMP or PCP and forgets them when it starts again, in the simulated internet. */
import { addressBytes } from '../../src/core/index.ts';
import type { Gateway, NatBehaviour, Packet, World } from '../../src/sim/index.ts';

const PORT = 5351;
const [NAT_PMP, PCP] = [0, 2];

export interface OpeningRouter {
  /** Put computers behind it. */
  readonly gateway: Gateway;
  /** Where it is asked. */
  readonly address: string;
  /** External ports that are open just now. */
  readonly open: ReadonlySet<number>;
  /** All that it had opened or translated is gone, and its clock begins anew; so long it says nothing and nothing passes. */
  restart(offMs: number, moves: boolean): void;
}

export function openingRouter(world: World, behaviour: NatBehaviour, speaks: 'natPmp' | 'pcp'): OpeningRouter {
  const gateway = world.nat(behaviour, { name: 'home' });
  const place = world.host({ name: 'router', behind: gateway });
  const local = { address: place.address, port: PORT };
  const open = new Set<number>();
  let [startedAt, off] = [world.now, false];
  const version = speaks === 'pcp' ? PCP : NAT_PMP;
  const openFor = ({ from }: Packet, port: number, lifetimeSeconds: number): void => {
    if (lifetimeSeconds === 0) {
      gateway.nat.closePort(port);
      open.delete(port);
    } else {
      gateway.nat.forwardPort(port, { address: from.address, port });
      open.add(port);
    }
  };
  place.bind(local, (packet) => {
    if (off || packet.bytes[0] !== version) return;
    const epoch = Math.floor((world.now - startedAt) / 1000);
    const answer = speaks === 'pcp' ? pcp(packet, epoch) : natPmp(packet, epoch);
    if (answer !== null) place.send(local, packet.from, answer);
  });

  function natPmp(packet: Packet, epoch: number): Uint8Array | null {
    const { bytes } = packet;
    const out = new Uint8Array(bytes.length === 2 ? 12 : 16);
    const view = new DataView(out.buffer);
    out[1] = 128 + (bytes[1] ?? 0);
    view.setUint32(4, epoch);
    if (bytes.length === 2) out.set(addressBytes(gateway.nat.addresses[0]!)!, 8);
    else if (bytes.length === 12) {
      const asked = new DataView(bytes.buffer, bytes.byteOffset);
      openFor(packet, asked.getUint16(4), asked.getUint32(8));
      for (const at of [8, 10]) view.setUint16(at, asked.getUint16(4));
      view.setUint32(12, asked.getUint32(8));
    } else return null;
    return out;
  }

  function pcp(packet: Packet, epoch: number): Uint8Array | null {
    const { bytes } = packet;
    if (bytes.length !== 24 && bytes.length !== 60) return null;
    const out = bytes.slice();
    const view = new DataView(out.buffer);
    out[1] = 0x80 | bytes[1]!;
    out.fill(0, 2, 4);
    view.setUint32(8, epoch);
    out.fill(0, 12, 24);
    if (bytes.length === 24) return out;
    openFor(packet, view.getUint16(40), view.getUint32(4));
    view.setUint16(42, view.getUint16(40));
    out.fill(0, 44, 60);
    out.set([0xff, 0xff], 54);
    out.set(addressBytes(gateway.nat.addresses[0]!)!, 56);
    return out;
  }

  return {
    gateway,
    address: place.address,
    open,
    restart(offMs, moves) {
      off = true;
      for (const port of open) gateway.nat.closePort(port);
      open.clear();
      gateway.nat.reboot();
      const before = gateway.nat.addresses[0]!;
      const clear = world.internet.obstruct(({ from, to }) => [from.address, to.address].includes(before));
      world.after(offMs, () => {
        clear();
        if (moves) world.readdress(gateway);
        gateway.nat.reboot();
        [startedAt, off] = [world.now, false];
      });
    },
  };
}
