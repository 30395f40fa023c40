// All tests in one process: the fleet is synthesised once for all of them.
import './config';
import './network';
import './entry';
import './database';
import './nodes';
import './uploads';
import './watch';
import './variants';
import './rules';
