/** What is used of gamedig, which comes without types. */
declare module 'gamedig' {
  interface Query {
    readonly type: string;
    readonly host: string;
    readonly port: number;
    readonly givenPortOnly: boolean;
    readonly maxRetries: number;
    readonly socketTimeout: number;
    readonly attemptTimeout: number;
  }
  export const games: Readonly<Record<string, unknown>>;
  export class GameDig {
    query(query: Query): Promise<Readonly<Record<string, unknown>>>;
  }
}
