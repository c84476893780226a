/** Randomness is injected: seeded in the simulator, the system's in the wild. Never for secrets; those come from `CryptoSuite`. */
export interface Random {
  /** Uniform in [0, 1). */
  float(): number;
  /** Uniform integer in [low, high], both included. */
  int(low: number, high: number): number;
}
