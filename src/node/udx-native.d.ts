/** What is used of udx-native, which comes without types. */
declare module 'udx-native' {
  interface From {
    readonly host: string;
    readonly port: number;
  }
  class Socket {
    bind(port: number, address: string): void;
    address(): { readonly host: string; readonly port: number };
    setRecvBufferSize(bytes: number): number;
    on(event: 'message', listener: (bytes: Uint8Array, from: From) => void): void;
    /** Keeps `bytes` until they are sent; `ttl` 0 = the system's. */
    trySend(bytes: Uint8Array, port: number, address: string, ttl: number): void;
    removeAllListeners(): void;
    close(): Promise<void>;
  }
  class UDX {
    createSocket(options: { readonly ipv6Only: boolean }): Socket;
  }
  export = UDX;
}
