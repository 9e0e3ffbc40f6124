/** The contract between Terrarium's helper and those who ask it: the extension and the `terrarium` command. */
export * from './container.js';
export * from './errors.js';
export * from './fileMode.js';
export * from './files.js';
export * from './images.js';
export * from './ioNotation.js';
export * from './knobs.js';
export * from './ledger.js';
export * from './limits.js';
export * from './machine.js';
export * from './namespaces.js';
export * from './networks.js';
export * from './notation.js';
export * as oci from './oci.js';
export * from './ports.js';
export * from './requests.js';
