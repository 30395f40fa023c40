// Fleet: the whole of it as one CloudFormation stack. No assets and no Lambda, so the template can
// be deployed as it is, in any region, without `cdk bootstrap`.

import { App, BootstraplessSynthesizer, CfnOutput, CfnParameter, Fn, Stack } from 'aws-cdk-lib';
import { architecture, Config } from './config';
import { Database } from './database';
import { Entry } from './entry';
import { Network } from './network';
import { Nodes } from './nodes';
import { Uploads } from './uploads';
import { Watch } from './watch';

/** An app that lets AWS's specification of every resource judge its template. */
export function makeApp(outdir: string): App {
  return new App({ outdir, context: { '@aws-cdk/core:validateAgainstDefaultRules': true } });
}

export class Fleet extends Stack {
  constructor(app: App, private readonly config: Config) {
    super(app, 'Starling', {
      stackName: config.name,
      description: 'Starling, an XMPP server whose nodes come and go with the load',
      synthesizer: new BootstraplessSynthesizer(),
    });
    const packageBucket = new CfnParameter(this, 'PackageBucket', {
      description: 'The bucket that holds the package, in this region',
      allowedPattern: '[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]',
    });
    const packageKey = new CfnParameter(this, 'PackageKey', {
      description: 'The package that every node installs',
      allowedPattern: `[\\w.~+/-]+_${architecture(config)}\\.deb`,
      constraintDescription: `must end in _${architecture(config)}.deb, as the nodes are such`,
    });

    const network = new Network(this, 'Network', config);
    const entry = new Entry(this, 'Entry', config, network);
    const database = new Database(this, 'Database', config, network);
    const uploads = new Uploads(this, 'Uploads', config);
    const nodes = new Nodes(this, 'Nodes', {
      config, network, entry, database, uploads, packageBucket, packageKey,
    });
    new Watch(this, 'Watch', config, entry, nodes, database);

    const output = (id: string, description: string, value: string): CfnOutput =>
      new CfnOutput(this, id, { description, value });
    output('BalancerName', 'Target of SRV records', entry.balancer.loadBalancerDnsName);
    output('Addresses', 'For A records', Fn.join(' ', entry.addresses.map((a) => a.attrPublicIp)));
    output('UploadsBucket', 'For files that users send', uploads.bucket.bucketName);
    output('DatabaseEndpoint', 'The writer', database.cluster.clusterEndpoint.hostname);
    output('Refresh', 'Replaces all nodes, one at a time, after a change', [
      `aws autoscaling start-instance-refresh --region ${this.region}`,
      `--auto-scaling-group-name ${nodes.group.ref} --preferences`,
      '\'{"MinHealthyPercentage":100,"MaxHealthyPercentage":110,"SkipMatching":true,',
      '"ScaleInProtectedInstances":"Refresh","StandbyInstances":"Terminate"}\'',
    ].join(' '));
  }

  // The region is not known here, so neither are the names of its zones, only their order.
  get availabilityZones(): string[] {
    return Array.from({ length: this.config?.network.zones ?? 3 },
                      (_, index) => Fn.select(index, Fn.getAzs()));
  }
}
