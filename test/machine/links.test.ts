import { testLinks } from '../kernel/networks/links.js';
import { Bed } from '../kernel/support/bed.js';

// Its kernel has netem, which many that tests run on have not.
testLinks(new Bed());
