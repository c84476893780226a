/** What happens to two homes while a game goes on between them. */
import type { Scene } from './scene.ts';
import { openVpn, type Vpn } from './vpn.ts';

export class Cuts {
  readonly #scene: Scene;
  #scans = false;
  #hostAddress: string | null = null;
  #lastByte = 100;
  readonly #vpns = new Map<'host' | 'client', Vpn>();

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  /** What passes between the two homes as it does now passes no more; a way of other ports would. Both homes' tables of mappings say what that is. */
  async cutFlows(): Promise<void> {
    const { nats, lab } = this.#scene;
    const [host, friends] = [nats[0]!, nats[1]!];
    const flows = await friends.shell(`conntrack -L -p udp --orig-dst ${host.external} 2>/dev/null || true`);
    const rules = [
      ...flows.matchAll(/src=\S+ dst=\S+ sport=\d+ dport=(\d+) .*?src=\S+ dst=\S+ sport=(\d+) dport=(\d+)/g),
    ].flatMap(([, dport, , port]) => [
      `ip saddr ${friends.external} udp sport ${port} ip daddr ${host.external} udp dport ${dport}`,
      `ip saddr ${host.external} udp sport ${dport} ip daddr ${friends.external} udp dport ${port}`,
    ]);
    if (rules.length === 0) throw new Error('nothing passes between the two homes directly');
    await lab.cut(rules);
  }

  /** The friends' router starts anew and gives other ports than before. */
  async newMappings(): Promise<void> {
    this.#scans = !this.#scans;
    await this.#scene.nats[1]!.change(this.#scans ? 'range-cone' : 'home-router');
  }

  /** The host's computer gets another address in its own network, as by DHCP. */
  async moveHost(): Promise<void> {
    const { hostSide, lab } = this.#scene;
    const prefix = hostSide.address.split('.').slice(0, 3).join('.');
    const from = this.#hostAddress ?? hostSide.address;
    const to = `${prefix}.${++this.#lastByte}`;
    this.#hostAddress = to;
    const ip = `ip -n ${hostSide.name}`;
    await lab.sandbox.shell(
      [
        `${ip} addr del ${from}/24 dev lan0`,
        `${ip} addr add ${to}/24 dev lan0`,
        `${ip} route replace default via ${prefix}.1`,
      ].join('\n'),
    );
  }

  /** Everything of that side's computer goes through a VPN from here on. */
  async vpnOn(side: 'host' | 'client'): Promise<void> {
    const { lab, hostSide, clientSide } = this.#scene;
    const at = side === 'host' ? hostSide : clientSide;
    const vpn = this.#vpns.get(side) ?? (await openVpn(lab, await lab.publicHost(`vpn${side}`), at));
    this.#vpns.set(side, vpn);
    await vpn.up('all');
  }

  async vpnOff(side: 'host' | 'client'): Promise<void> {
    await this.#vpns.get(side)?.down();
  }
}
