/** The fleet as the rest of its master sees it, from before it has begun. Nothing of a fleet itself is loaded by it. */
import type { OtherNodes } from './directory.ts';
import type { Fleet } from './fleet.ts';
import type { FleetFigures } from './measures.ts';

export interface OfficeFleet {
  readonly hosts: OtherNodes;
  /** The rules here have changed. */
  onRules(): void;
  /** The operator's channels are told of this, once a day. */
  onTold(key: string): void;
  /** Is it ours to tell the operator's channels of the host with this code? */
  isFirst(code: string): boolean;
  figures(): FleetFigures;
}

export function officeFleet(fleet: () => Fleet | null): OfficeFleet {
  return {
    hosts: {
      of: (hostId) => fleet()?.hosts.of(hostId) ?? null,
      tellOf: (hostId) => fleet()?.hosts.tellOf(hostId) ?? false,
      onChange: (hostId) => fleet()?.hosts.onChange(hostId),
      get whole() {
        return fleet()?.hosts.whole ?? false;
      },
    },
    onRules: () => fleet()?.rulesChanged(),
    onTold: (key) => fleet()?.told(key),
    isFirst: (code) => fleet()?.isFirst(code) ?? true,
    figures() {
      const seen = fleet()?.seen() ?? [];
      return {
        connected: fleet()?.connected ?? false,
        nodes: Math.max(1, seen.length),
        whole: fleet()?.hosts.whole ?? false,
        hostsElsewhere: fleet()?.hostsElsewhere ?? 0,
        registrations: seen.reduce((sum, { hosts }) => sum + hosts, 0),
        sessions: seen.reduce((sum, { sessions }) => sum + sessions, 0),
      };
    },
  };
}
