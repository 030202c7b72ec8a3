// What a dashboard's JSON may hold, from Grafana's own types. ../build.sh makes a JSON schema of it.
import * as raw from './node_modules/@grafana/schema/dist/types/raw/dashboard/x/types.gen';
import * as common from './node_modules/@grafana/schema/dist/types/common/common.gen';
import * as annolist from './node_modules/@grafana/schema/dist/types/raw/composable/annotationslist/panelcfg/x/types.gen';
import * as barchart from './node_modules/@grafana/schema/dist/types/raw/composable/barchart/panelcfg/x/types.gen';
import * as bargauge from './node_modules/@grafana/schema/dist/types/raw/composable/bargauge/panelcfg/x/types.gen';
import * as gauge from './node_modules/@grafana/schema/dist/types/raw/composable/gauge/panelcfg/x/types.gen';
import * as heatmap from './node_modules/@grafana/schema/dist/types/raw/composable/heatmap/panelcfg/x/types.gen';
import * as stat from './node_modules/@grafana/schema/dist/types/raw/composable/stat/panelcfg/x/types.gen';
import * as statetimeline from './node_modules/@grafana/schema/dist/types/raw/composable/statetimeline/panelcfg/x/types.gen';
import * as statushistory from './node_modules/@grafana/schema/dist/types/raw/composable/statushistory/panelcfg/x/types.gen';
import * as table from './node_modules/@grafana/schema/dist/types/raw/composable/table/panelcfg/x/types.gen';
import * as text from './node_modules/@grafana/schema/dist/types/raw/composable/text/panelcfg/x/types.gen';
import * as timeseries from './node_modules/@grafana/schema/dist/types/raw/composable/timeseries/panelcfg/x/types.gen';

// Grafana fills in what a dashboard leaves out.
type Some<T> = T extends (infer E)[] ? Some<E>[] : T extends object ? { [K in keyof T]?: Some<T[K]> } : T;

interface PanelOptions<O, F = {}> {
  options: Some<O>;
  custom: Some<F>; // of fieldConfig.defaults
}

// Panels are what each type of panel may have as options.
export interface Panels {
  annolist: PanelOptions<annolist.Options>;
  barchart: PanelOptions<barchart.Options, barchart.FieldConfig>;
  bargauge: PanelOptions<bargauge.Options>;
  gauge: PanelOptions<gauge.Options>;
  heatmap: PanelOptions<heatmap.Options, heatmap.FieldConfig>;
  stat: PanelOptions<stat.Options>;
  'state-timeline': PanelOptions<statetimeline.Options, statetimeline.FieldConfig>;
  'status-history': PanelOptions<statushistory.Options, statushistory.FieldConfig>;
  table: PanelOptions<table.Options, common.TableFieldOptions>;
  text: PanelOptions<text.Options>;
  timeseries: PanelOptions<timeseries.Options, timeseries.FieldConfig>;
}

// The Prometheus data source asks its annotations with these fields, which Grafana's common types leave to it.
interface PrometheusAnnotation extends Omit<raw.AnnotationQuery, 'target'> {
  target: { refId: string; expr: string } & Partial<raw.AnnotationTarget>;
  step?: string;
  titleFormat?: string;
  textFormat?: string;
  tagKeys?: string;
  useValueForTime?: boolean;
}

export interface Dashboard extends Omit<raw.Dashboard, 'annotations'> {
  annotations: { list: PrometheusAnnotation[] };
}

export interface Grafana {
  dashboard: Dashboard;
  panels: Panels;
}
