/** What is used of libsodium, which comes without types. Pointers are indices into `HEAPU8`; lengths have their upper 32 bits beside them. */
declare module 'libsodium' {
  interface Sodium {
    readonly HEAPU8: Uint8Array;
    _malloc(bytes: number): number;
    _crypto_aead_chacha20poly1305_ietf_encrypt(
      sealed: number,
      sealedLength: 0,
      plaintext: number,
      length: number,
      lengthHigh: 0,
      associated: number,
      associatedLength: number,
      associatedLengthHigh: 0,
      secretNonce: 0,
      nonce: number,
      key: number,
    ): number;
    /** 0 where the tag matches. */
    _crypto_aead_chacha20poly1305_ietf_decrypt(
      plaintext: number,
      plaintextLength: 0,
      secretNonce: 0,
      sealed: number,
      length: number,
      lengthHigh: 0,
      associated: number,
      associatedLength: number,
      associatedLengthHigh: 0,
      nonce: number,
      key: number,
    ): number;
  }
  function sodium(): Promise<Sodium>;
  export = sodium;
}
