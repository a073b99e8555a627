"""The tables that are raced for, and the roles that race."""

import os
import re
import subprocess

from server import slurp
from shapes import Types

HERE = os.path.dirname(os.path.abspath(__file__))
TYPES = Types('text', False)
OWNER, APPLICATION = 'race_owner', 'race_app'
LAYOUTS = ['plain', 'partitioned']


def psql(text):
    subprocess.run(['psql', '-qX', '-v', 'ON_ERROR_STOP=1', '-f', '-'], check=True,
                   stdout=subprocess.DEVNULL, encoding='utf-8',
                   input='SET client_min_messages = warning;\n' + text)


def clean_up():
    psql('DROP SCHEMA IF EXISTS race, helper CASCADE; DROP ROLE IF EXISTS %s, %s;'
         % (OWNER, APPLICATION))


def partitioned():
    """The tables as partitioned ones, by the means of the attacks."""
    return '''
        CREATE SCHEMA helper;
        %s
        DROP VIEW time_in_status, status_funnel, stuck_orders, daily_conversion, order_attempts;
        SELECT helper.partition('orders'), helper.partition('payments'), helper.partition('refunds');
        ''' % slurp(HERE, '..', 'pgtap', 'lib', 'partition.sql')


def setup(lifecycle, parted):
    text = TYPES.fill(slurp(HERE, '..', 'oracle', 'server.sql')).split('PREPARE ')[0]
    races = slurp(HERE, 'races.sql')
    if parted:
        # its partitions are what has storage
        races = re.sub(r'ALTER TABLE [^;]*autovacuum_enabled[^;]*;', '', races)
    clean_up()
    psql('''
        CREATE EXTENSION IF NOT EXISTS paystate;
        CREATE ROLE {owner};
        CREATE ROLE {app};
        CREATE SCHEMA race AUTHORIZATION {owner};
        SET search_path = race;
        SET ROLE {owner};
        SELECT paystate.create_tables(lifecycle => '{lifecycle}', history_partition => {month});
        RESET ROLE;
        {parted}
        GRANT USAGE ON SCHEMA race TO {app};
        GRANT ALL ON ALL TABLES IN SCHEMA race TO {app};
        {text}
        {races}'''.format(owner=OWNER, app=APPLICATION, lifecycle=lifecycle, text=text, races=races,
                          month="'month'" if parted else 'NULL',
                          parted=partitioned() if parted else ''))
