// Network: where things are, and who may talk to whom.
//
// Public subnets hold the NLB and NAT; nodes have private ones, the database its own, with no way
// out. Everything that may be said between them is in this file.

import { Aws, Validations } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as logs from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { Config } from './config';
import { BUS_PORT, ENTRIES, HEALTH_PORT } from './node_config';

export const DATABASE_PORT = 5432;

// What nodes (and their SSM agent) ask of AWS. Their metrics are `monitoring`.
const ENDPOINTS = ['autoscaling', 'monitoring', 'secretsmanager', 'ssm', 'ssmmessages'] as const;

export class Network extends Construct {
  readonly vpc: ec2.Vpc;
  readonly nodeSubnets: ec2.SubnetSelection = { subnetGroupName: 'node' };
  readonly databaseSubnets: ec2.SubnetSelection = { subnetGroupName: 'database' };
  /** Of the NLB, the nodes and the database. */
  readonly entry: ec2.SecurityGroup;
  readonly nodes: ec2.SecurityGroup;
  readonly database: ec2.SecurityGroup;
  readonly s3: ec2.GatewayVpcEndpoint;

  constructor(scope: Construct, id: string, config: Config) {
    super(scope, id);
    const { cidr, zones, natGateways, endpoints } = config.network;

    this.vpc = new ec2.Vpc(this, 'Vpc', {
      ipAddresses: ec2.IpAddresses.cidr(cidr),
      // Clients come by IPv6 as well; the NLB speaks IPv4 to the nodes.
      ipProtocol: ec2.IpProtocol.DUAL_STACK,
      maxAzs: zones,
      natGateways,
      // Emptying the default group would take a Lambda; nothing is in it.
      restrictDefaultSecurityGroup: false,
      subnetConfiguration: [
        { name: 'public', subnetType: ec2.SubnetType.PUBLIC, cidrMask: 24,
          mapPublicIpOnLaunch: false },
        { name: 'node', cidrMask: 20, ipv6AssignAddressOnCreation: false,
          subnetType: natGateways > 0 ? ec2.SubnetType.PRIVATE_WITH_EGRESS
                                      : ec2.SubnetType.PRIVATE_ISOLATED },
        { name: 'database', subnetType: ec2.SubnetType.PRIVATE_ISOLATED, cidrMask: 24,
          ipv6AssignAddressOnCreation: false },
      ],
    });

    // Who was turned away: what one looks for when something cannot reach something. The addresses
    // of those who were let in are nobody's business here.
    this.vpc.addFlowLog('Rejected', {
      trafficType: ec2.FlowLogTrafficType.REJECT,
      destination: ec2.FlowLogDestination.toCloudWatchLogs(
        new logs.LogGroup(this, 'RejectedLog', { retention: logs.RetentionDays.ONE_MONTH })),
    });

    const group = (name: string, description: string): ec2.SecurityGroup =>
      new ec2.SecurityGroup(this, name, { vpc: this.vpc, description, allowAllOutbound: false });
    this.entry = group('Entry', 'Starling NLB');
    this.nodes = group('Nodes', 'Starling nodes');
    this.database = group('Database', 'Starling database');

    for (const { outside, inside } of ENTRIES) {
      this.entry.addIngressRule(ec2.Peer.anyIpv4(), ec2.Port.tcp(outside), 'clients');
      this.entry.addIngressRule(ec2.Peer.anyIpv6(), ec2.Port.tcp(outside), 'clients');
      this.allow(this.entry, this.nodes, inside, 'clients, by the NLB');
    }
    Validations.of(this.entry).acknowledge({
      id: 'AwsSolutions-EC23',
      reason: 'Clients come from anywhere. It is the NLB\'s group, and the only open one.',
    });
    this.allow(this.entry, this.nodes, HEALTH_PORT, 'health checks');
    this.allow(this.nodes, this.nodes, BUS_PORT, 'bus between nodes');
    this.allow(this.nodes, this.database, DATABASE_PORT, 'PostgreSQL');
    // S3 has no addresses of its own to name here; where there is no NAT, the routes lead to
    // nothing but the endpoints.
    this.nodes.addEgressRule(ec2.Peer.anyIpv4(), ec2.Port.tcp(443), 'AWS services');
    if (natGateways > 0) {
      this.nodes.addEgressRule(ec2.Peer.anyIpv4(), ec2.Port.tcp(80), 'Debian packages (signed)');
    }

    this.s3 = this.vpc.addGatewayEndpoint('S3', {
      service: ec2.GatewayVpcEndpointAwsService.S3,
      subnets: [this.nodeSubnets],
    });
    if (endpoints) this.addEndpoints();
  }

  /** What nodes may do in S3, by the private way as well as by their role. */
  allowS3(statement: iam.PolicyStatementProps): void {
    this.s3.addToPolicy(
      new iam.PolicyStatement({ ...statement, principals: [new iam.AnyPrincipal()] }));
  }

  private allow(from: ec2.SecurityGroup, to: ec2.SecurityGroup, port: number, what: string): void {
    from.addEgressRule(to, ec2.Port.tcp(port), what);
    to.addIngressRule(from, ec2.Port.tcp(port), what);
  }

  private addEndpoints(): void {
    const services = new ec2.SecurityGroup(this, 'Endpoints', {
      vpc: this.vpc, description: 'Private ways to AWS services', allowAllOutbound: false,
    });
    services.addIngressRule(this.nodes, ec2.Port.tcp(443), 'nodes');
    for (const name of ENDPOINTS) {
      const endpoint = this.vpc.addInterfaceEndpoint(name, {
        service: new ec2.InterfaceVpcEndpointAwsService(name),
        subnets: this.nodeSubnets,
        securityGroups: [services],
        open: false,
        privateDnsEnabled: true,
      });
      // Only those who belong to this account.
      endpoint.addToPolicy(new iam.PolicyStatement({
        principals: [new iam.AnyPrincipal()], actions: ['*'], resources: ['*'],
        conditions: { StringEquals: { 'aws:PrincipalAccount': Aws.ACCOUNT_ID } },
      }));
    }
  }
}
