/**
 * Keys that every node of a fleet makes by itself from the fleet's secret, a new one each epoch: nothing has to be told when it turns.
 * Who has the secret has them all, those of the past too: that is the price of one secret for all nodes.
 */
import { concat, utf8Encode, Writer } from '../bytes.ts';
import type { CryptoSuite } from '../secure/crypto.ts';
import { deriveKey } from '../secure/hkdf.ts';
import { FLEET_LIMITS } from './limits.ts';

/** 32 bytes each, the newest first; what the one before sealed still counts. */
export type FleetSecrets = readonly Uint8Array[];

export class EpochKeys {
  private readonly suite: CryptoSuite;
  private readonly secrets: FleetSecrets;
  private readonly label: Uint8Array;
  /** Of the newest epochs that were asked for. */
  private readonly made = new Map<number, readonly Uint8Array[]>();

  constructor(suite: CryptoSuite, secrets: FleetSecrets, label: string) {
    this.suite = suite;
    this.secrets = secrets.slice(0, FLEET_LIMITS.secretsMax);
    this.label = utf8Encode(`sallyport fleet ${label}`);
  }

  /** One key for each secret, that of the newest first. */
  of(epoch: number): readonly Uint8Array[] {
    const known = this.made.get(epoch);
    if (known !== undefined) return known;
    const label = concat(this.label, new Writer(4).u32(epoch).done());
    const keys = this.secrets.map((secret) => deriveKey(this.suite, secret, label));
    this.made.set(epoch, keys);
    // This epoch, and those beside it.
    if (this.made.size > 3)
      this.made.delete(
        Math.min(...this.made.keys()) === epoch ? Math.max(...this.made.keys()) : Math.min(...this.made.keys()),
      );
    return keys;
  }
}
