import { Bed } from '../support/bed.js';
import { testLinks } from './links.js';

testLinks(new Bed());
