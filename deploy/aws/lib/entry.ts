// Entry: the NLB, the only public address. TLS passes through it: STARTTLS begins in plain text,
// and channel binding needs the two ends to see the same TLS.

import { Duration, Validations } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as elb from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import { Construct } from 'constructs';
import { Config, drainTimes } from './config';
import { Network } from './network';
import { ENTRIES, HEALTH_PORT } from './node_config';

export class Entry extends Construct {
  readonly balancer: elb.NetworkLoadBalancer;
  /** In the order of ENTRIES. */
  readonly targets: elb.NetworkTargetGroup[] = [];
  /** One for each zone; they outlive the NLB's name. */
  readonly addresses: ec2.CfnEIP[];

  constructor(scope: Construct, id: string, config: Config, network: Network) {
    super(scope, id);
    const subnets = network.vpc.publicSubnets;

    this.balancer = new elb.NetworkLoadBalancer(this, 'Balancer', {
      vpc: network.vpc,
      internetFacing: true,
      ipAddressType: elb.IpAddressType.DUAL_STACK,
      securityGroups: [network.entry],
      // Nodes are not always a multiple of the zones, and a new one has to take from all of them.
      crossZoneEnabled: true,
      deletionProtection: config.protected,
    });
    Validations.of(this.balancer).acknowledge({
      id: 'AwsSolutions-ELB2',
      reason: 'An NLB logs nothing but TLS that it ends itself, and it ends none here.',
    });
    this.addresses = subnets.map(
      (_, zone) => new ec2.CfnEIP(this, `Address${zone}`, { domain: 'vpc' }));
    const balancer = this.balancer.node.defaultChild as elb.CfnLoadBalancer;
    balancer.subnets = undefined;
    balancer.subnetMappings = subnets.map((subnet, zone) => ({
      subnetId: subnet.subnetId, allocationId: this.addresses[zone].attrAllocationId,
    }));

    for (const { outside, inside } of ENTRIES) {
      const target = this.target(config, network, inside);
      this.targets.push(target);
      this.balancer.addListener(`Port${outside}`, {
        port: outside,
        protocol: elb.Protocol.TCP,
        tcpIdleTimeout: Duration.seconds(config.connections.idle),
        defaultTargetGroups: [target],
      });
    }
  }

  private target(config: Config, network: Network, port: number): elb.NetworkTargetGroup {
    const drain = drainTimes(config);
    const target = new elb.NetworkTargetGroup(this, `Nodes${port}`, {
      vpc: network.vpc,
      targetType: elb.TargetType.INSTANCE,
      port,
      protocol: elb.Protocol.TCP,
      proxyProtocolV2: true,
      // Without it, 55,000 connections from each of the NLB's addresses to a node's port.
      preserveClientIp: true,
      // New connections still come for a while after a node is taken out; those there are stay
      // until the node lets go of them.
      deregistrationDelay: Duration.seconds(drain.linger),
      connectionTermination: false,
      healthCheck: {
        protocol: elb.Protocol.HTTP,
        port: `${HEALTH_PORT}`,
        path: '/health',
        healthyHttpCodes: '200',
        interval: Duration.seconds(10),
        timeout: Duration.seconds(5),
        healthyThresholdCount: 2,
        // A minute: longer than Aurora takes to fail over, in which no node is healthy.
        unhealthyThresholdCount: 6,
      },
    });
    // By default, all connections of an unhealthy node are reset.
    target.setAttribute('target_health_state.unhealthy.connection_termination.enabled', 'false');
    target.setAttribute('target_health_state.unhealthy.draining_interval_seconds',
                        `${drain.linger + drain.deadline}`);
    return target;
  }
}
