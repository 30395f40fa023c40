// Watch: a page to look at, and who is told when something is wrong.

import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as actions from 'aws-cdk-lib/aws-cloudwatch-actions';
import * as events from 'aws-cdk-lib/aws-events';
import * as targets from 'aws-cdk-lib/aws-events-targets';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as subscriptions from 'aws-cdk-lib/aws-sns-subscriptions';
import { Construct } from 'constructs';
import { Config } from './config';
import { Database } from './database';
import { Entry } from './entry';
import { ENTRIES } from './node_config';
import { NAMESPACE, Nodes, UTILISATION } from './nodes';

const MINUTE = Duration.minutes(1);
// Connections that the nodes hold: three each, one for the members, and some to spare.
const DATABASE_CONNECTIONS = 6;

export class Watch extends Construct {
  readonly topic: sns.Topic;
  readonly dashboard: cloudwatch.Dashboard;
  private readonly groupName: string;

  constructor(scope: Construct, id: string, config: Config, entry: Entry, nodes: Nodes,
              database: Database) {
    super(scope, id);
    this.groupName = nodes.group.ref;
    this.topic = this.makeTopic(config);

    const utilisation = this.ofGroup(NAMESPACE, UTILISATION, 'Average');
    const fullest = this.ofGroup(NAMESPACE, UTILISATION, 'Maximum');
    const inService = this.ofGroup('AWS/AutoScaling', 'GroupInServiceInstances', 'Average');
    const desired = this.ofGroup('AWS/AutoScaling', 'GroupDesiredCapacity', 'Average');
    const terminating = this.ofGroup('AWS/AutoScaling', 'GroupTerminatingInstances', 'Average');
    const healthy = entry.targets.map(
      (target) => target.metrics.healthyHostCount({ statistic: 'Minimum', period: MINUTE }));
    const unhealthy = entry.targets.map(
      (target) => target.metrics.unHealthyHostCount({ statistic: 'Maximum', period: MINUTE }));
    const balancer = entry.balancer.metrics;
    const ports = balancer.custom('PortAllocationErrorCount', { statistic: 'Sum', period: MINUTE });
    const { cluster } = database;

    this.alarm('UtilisationHigh', utilisation, config.nodes.target + 25, 10,
               'The group does not keep up: is it at its maximum, or do new nodes not come?');
    this.alarm('UtilisationUnknown', utilisation, 0, 10,
               'No node publishes its utilisation, so the group follows nothing.',
               { comparisonOperator: cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
                 treatMissingData: cloudwatch.TreatMissingData.BREACHING });
    this.alarm('AtMaximum', desired, config.nodes.maximum, 15,
               'The group is as large as it may become.',
               { comparisonOperator:
                   cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD });
    ENTRIES.forEach(({ outside }, index) => {
      this.alarm(`NoNode${outside}`, healthy[index], 1, 2, 'No healthy node: nobody gets in.',
                 { comparisonOperator: cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
                   treatMissingData: cloudwatch.TreatMissingData.BREACHING });
      this.alarm(`Unhealthy${outside}`, unhealthy[index], 0, 10,
                 'A node has been unhealthy for ten minutes, and was not replaced.');
    });
    this.alarm('PortsExhausted', ports, 0, 1,
               'The NLB had no port left for a connection to a node: add nodes, or listeners.');
    this.alarm('DatabaseBusy', cluster.metricCPUUtilization({ period: MINUTE }), 80, 10,
               'The database is busy.');
    this.alarm('DatabaseAtMaximum', cluster.metricACUUtilization({ period: MINUTE }), 90, 10,
               'The database is nearly as large as it may become.');
    this.alarm('DatabaseConnections',
               cluster.metricDatabaseConnections({ period: MINUTE, statistic: 'Maximum' }),
               DATABASE_CONNECTIONS * config.nodes.maximum, 5,
               'More connections to the database than nodes make.');
    this.alarm('DatabaseStorage',
               cluster.metric('FreeLocalStorage', { period: MINUTE, statistic: 'Minimum' }),
               1024 ** 3, 5, 'Less than 1 GiB of local storage left, for sorting and logs.',
               { comparisonOperator: cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD });
    this.tellOfFailures();

    this.dashboard = new cloudwatch.Dashboard(this, 'Dashboard', {
      dashboardName: this.groupName,
      defaultInterval: Duration.hours(6),
    });
    const graph = (title: string, left: cloudwatch.IMetric[], right: cloudwatch.IMetric[] = []):
      cloudwatch.GraphWidget => new cloudwatch.GraphWidget({ title, left, right, width: 12 });
    this.dashboard.addWidgets(
      graph('Utilisation, per cent', [utilisation, fullest]),
      graph('Nodes', [desired, inService, terminating]),
      graph('Healthy and unhealthy nodes, by port', [...healthy, ...unhealthy]),
      graph('Connections', [balancer.activeFlowCount(), balancer.newFlowCount()],
            [balancer.tcpClientResetCount(), balancer.tcpTargetResetCount(), ports]),
      graph('Bytes', [balancer.processedBytes()]),
      graph('Database: per cent of processor and capacity',
            [cluster.metricCPUUtilization(), cluster.metricACUUtilization()],
            [cluster.metricDatabaseConnections()]),
      graph('Database: seconds of a commit, bytes stored',
            [cluster.metric('CommitLatency', { statistic: 'p99' })],
            [cluster.metricVolumeBytesUsed()]),
    );
  }

  private ofGroup(namespace: string, metricName: string, statistic: string): cloudwatch.Metric {
    return new cloudwatch.Metric({
      namespace, metricName, statistic, period: MINUTE,
      dimensionsMap: { AutoScalingGroupName: this.groupName },
    });
  }

  private makeTopic(config: Config): sns.Topic {
    // With AWS's own key, alarms could not be published.
    const key = new kms.Key(this, 'Key',
                            { description: 'Starling alarms', enableKeyRotation: true });
    const topic = new sns.Topic(this, 'Alarms', { masterKey: key, enforceSSL: true });
    for (const service of ['cloudwatch', 'events']) {
      const principal = new iam.ServicePrincipal(`${service}.amazonaws.com`);
      key.grant(principal, 'kms:Decrypt', 'kms:GenerateDataKey*');
      topic.grantPublish(principal);
    }
    if (config.alarms.email !== undefined) {
      topic.addSubscription(new subscriptions.EmailSubscription(config.alarms.email));
    }
    return topic;
  }

  /** Tells when the metric was beyond the threshold for so many minutes on end. */
  private alarm(id: string, metric: cloudwatch.IMetric, threshold: number, minutes: number,
                alarmDescription: string, more: Partial<cloudwatch.AlarmProps> = {}): void {
    new cloudwatch.Alarm(this, id, {
      metric, threshold, alarmDescription, evaluationPeriods: minutes,
      comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
      treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
      ...more,
    }).addAlarmAction(new actions.SnsAction(this.topic));
  }

  // A launch whose hook ran out or was abandoned, an instance that could not be had or ended.
  private tellOfFailures(): void {
    new events.Rule(this, 'Failures', {
      description: 'Nodes that did not come, or could not be ended',
      eventPattern: {
        source: ['aws.autoscaling'],
        detailType: ['EC2 Instance Launch Unsuccessful', 'EC2 Instance Terminate Unsuccessful'],
        detail: { AutoScalingGroupName: [this.groupName] },
      },
      targets: [new targets.SnsTopic(this.topic)],
    });
  }
}
